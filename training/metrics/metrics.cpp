// SPDX-License-Identifier: Apache-2.0
#include "training/metrics/metrics.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/error.h"

namespace uniad {
namespace {

void check_numbers(std::span<const float> scores) {
  if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); }))
    throw Error("scores", "one is not a number", "the model is broken: train or import it again");
}

// From the highest score down, one call a distinct threshold: how many abnormal and normal scores are at or
// above it. Both ranges are sorted, highest first.
template <typename Abnormal, typename ScoreOf, typename Visitor>
void for_each_threshold(std::span<const float> normal, std::span<const Abnormal> abnormal, ScoreOf score_of,
                        Visitor visitor) {
  std::size_t false_positives = 0;
  std::size_t true_positives = 0;
  while (false_positives < normal.size() || true_positives < abnormal.size()) {
    float threshold = -INFINITY;
    if (false_positives < normal.size()) threshold = normal[false_positives];
    if (true_positives < abnormal.size()) threshold = std::max(threshold, score_of(abnormal[true_positives]));
    while (false_positives < normal.size() && normal[false_positives] == threshold) ++false_positives;
    while (true_positives < abnormal.size() && score_of(abnormal[true_positives]) == threshold)
      ++true_positives;
    visitor(true_positives, false_positives);
  }
}

template <typename Abnormal, typename ScoreOf>
std::optional<Ranking> rank_sorted(std::span<const float> normal, std::span<const Abnormal> abnormal,
                                   ScoreOf score_of) {
  if (normal.empty() || abnormal.empty()) return std::nullopt;
  const auto positives = static_cast<double>(abnormal.size());
  const auto negatives = static_cast<double>(normal.size());
  Ranking ranking;
  double last_true = 0;
  double last_false = 0;
  for_each_threshold(normal, abnormal, score_of, [&](std::size_t true_count, std::size_t false_count) {
    const auto true_positives = static_cast<double>(true_count);
    const auto false_positives = static_cast<double>(false_count);
    const auto precision = true_positives / (true_positives + false_positives);
    ranking.auroc += (false_positives - last_false) * (true_positives + last_true) / 2;
    ranking.average_precision += (true_positives - last_true) * precision;
    ranking.f1_max =
        std::max(ranking.f1_max, 2 * true_positives / (true_positives + false_positives + positives));
    last_true = true_positives;
    last_false = false_positives;
  });
  ranking.auroc /= positives * negatives;
  ranking.average_precision /= positives;
  return ranking;
}

}  // namespace

std::optional<Ranking> rank(std::span<const float> normal, std::span<const float> abnormal) {
  check_numbers(normal);
  check_numbers(abnormal);
  std::vector<float> sorted_normal(normal.begin(), normal.end());
  std::vector<float> sorted_abnormal(abnormal.begin(), abnormal.end());
  std::sort(sorted_normal.begin(), sorted_normal.end(), std::greater<>());
  std::sort(sorted_abnormal.begin(), sorted_abnormal.end(), std::greater<>());
  return rank_sorted(std::span<const float>(sorted_normal), std::span<const float>(sorted_abnormal),
                     [](float score) { return score; });
}

void PixelScores::add(std::span<const float> map, std::span<const std::uint8_t> mask, int width, int height) {
  check_numbers(map);
  sorted_ = false;
  if (mask.empty()) {
    normal_.insert(normal_.end(), map.begin(), map.end());
    return;
  }
  const cv::Mat picture(height, width, CV_8U, const_cast<std::uint8_t *>(mask.data()));  // only read
  cv::Mat labels;
  cv::Mat statistics;
  cv::Mat centroids;
  const int labelled = cv::connectedComponentsWithStats(picture, labels, statistics, centroids, 8, CV_32S);
  regions_ += static_cast<std::size_t>(labelled) - 1;  // label 0 is the background
  for (std::size_t i = 0; i < map.size(); ++i) {
    const int label = labels.ptr<int>()[i];
    if (label == 0)
      normal_.push_back(map[i]);
    else
      abnormal_.push_back({map[i], 1.0F / static_cast<float>(statistics.at<int>(label, cv::CC_STAT_AREA))});
  }
}

void PixelScores::sort() {
  if (sorted_) return;
  std::sort(normal_.begin(), normal_.end(), std::greater<>());
  std::sort(abnormal_.begin(), abnormal_.end(),
            [](const RegionPixel &a, const RegionPixel &b) { return a.score > b.score; });
  sorted_ = true;
}

std::optional<Ranking> PixelScores::ranking() {
  sort();
  return rank_sorted(std::span<const float>(normal_), std::span<const RegionPixel>(abnormal_),
                     [](const RegionPixel &pixel) { return pixel.score; });
}

std::optional<double> PixelScores::aupro(double limit) {
  if (normal_.empty() || abnormal_.empty()) return std::nullopt;
  sort();
  double area = 0;
  double found = 0;  // sum over the regions of the share that is found
  double last_rate = 0;
  double last_overlap = 0;
  std::size_t summed = 0;
  for_each_threshold(
      std::span<const float>(normal_), std::span<const RegionPixel>(abnormal_),
      [](const RegionPixel &pixel) { return pixel.score; },
      [&](std::size_t true_positives, std::size_t false_positives) {
        if (last_rate >= limit) return;
        for (; summed < true_positives; ++summed) found += static_cast<double>(abnormal_[summed].share);
        auto rate = static_cast<double>(false_positives) / static_cast<double>(normal_.size());
        auto overlap = found / static_cast<double>(regions_);
        if (rate > limit) {  // the last trapezoid is cut at the limit
          overlap = last_overlap + (overlap - last_overlap) * (limit - last_rate) / (rate - last_rate);
          rate = limit;
        }
        area += (rate - last_rate) * (overlap + last_overlap) / 2;
        last_rate = rate;
        last_overlap = overlap;
      });
  return area / limit;
}

}  // namespace uniad
