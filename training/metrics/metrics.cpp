// SPDX-License-Identifier: Apache-2.0
#include "training/metrics/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/base/error.h"

namespace uniad {
namespace {

void check_numbers(std::span<const float> scores) {
  if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); }))
    throw Error(ErrorKind::InvalidArgument, "scores", "one is not a number",
                "the model is broken: train or import it again");
}

std::vector<float> sorted(std::span<const float> scores) {
  check_numbers(scores);
  std::vector<float> from_the_highest(scores.begin(), scores.end());
  std::sort(from_the_highest.begin(), from_the_highest.end(), std::greater<>());
  return from_the_highest;
}

// Calls `visitor` once for each distinct threshold, in descending order, with the numbers of abnormal and
// normal scores at or above it. Both ranges must be sorted in descending order.
template <typename Visitor>
void for_each_threshold(const std::vector<float> &normal, const std::vector<float> &abnormal,
                        Visitor visitor) {
  std::size_t false_positives = 0;
  std::size_t true_positives = 0;
  while (false_positives < normal.size() || true_positives < abnormal.size()) {
    float threshold = -INFINITY;
    if (false_positives < normal.size()) threshold = normal[false_positives];
    if (true_positives < abnormal.size()) threshold = std::max(threshold, abnormal[true_positives]);
    while (false_positives < normal.size() && normal[false_positives] == threshold) ++false_positives;
    while (true_positives < abnormal.size() && abnormal[true_positives] == threshold) ++true_positives;
    visitor(static_cast<double>(true_positives), static_cast<double>(false_positives));
  }
}

// Accumulates the metrics of a ranking, threshold by threshold.
class RankingSums {
 public:
  RankingSums(double positives, double negatives) : positives_(positives), negatives_(negatives) {}

  void next_threshold(double true_positives, double false_positives) {
    sums_.auroc += (false_positives - last_false_) * (true_positives + last_true_) / 2;
    sums_.average_precision +=
        (true_positives - last_true_) * true_positives / (true_positives + false_positives);
    sums_.f1_max =
        std::max(sums_.f1_max, 2 * true_positives / (true_positives + false_positives + positives_));
    last_true_ = true_positives;
    last_false_ = false_positives;
  }

  Ranking ranking() const {
    return {sums_.auroc / (positives_ * negatives_), sums_.average_precision / positives_, sums_.f1_max};
  }

 private:
  double positives_, negatives_;
  double last_true_ = 0, last_false_ = 0;
  Ranking sums_;
};

// A point of an overlap curve.
struct Overlap {
  double rate = 0;     // of false positives
  double overlap = 0;  // share that is found, 0 to 1
};

Overlap clip(const Overlap &from, const Overlap &to, double low, double high) {
  const double rate = std::clamp(to.rate, low, high);
  if (rate == to.rate || from.rate == to.rate) return {rate, to.overlap};
  return {rate, from.overlap + (to.overlap - from.overlap) * (rate - from.rate) / (to.rate - from.rate)};
}

// Accumulates the area under a curve between two false positive rates, segment by segment.
class AreaBetween {
 public:
  AreaBetween(double low, double high) : low_(low), high_(high) {}

  // Extends the curve by a straight segment to `next`. integral: returns the area under a segment within the
  // two rates.
  template <typename Integral>
  void go_on_to(const Overlap &next, Integral integral) {
    const Overlap from = clip(next, last_, low_, high_);
    const Overlap to = clip(last_, next, low_, high_);
    if (to.rate > from.rate) area_ += integral(from, to);
    last_ = next;
  }

  double area() const { return area_; }

 private:
  double low_, high_;
  double area_ = 0;
  Overlap last_;
};

constexpr unsigned mantissa_bits = 14;

}  // namespace

std::optional<Ranking> rank(std::span<const float> normal, std::span<const float> abnormal) {
  const auto negatives = sorted(normal);
  const auto positives = sorted(abnormal);
  if (negatives.empty() || positives.empty()) return std::nullopt;
  RankingSums sums(static_cast<double>(positives.size()), static_cast<double>(negatives.size()));
  for_each_threshold(negatives, positives, [&](double true_positives, double false_positives) {
    sums.next_threshold(true_positives, false_positives);
  });
  return sums.ranking();
}

std::vector<Rates> roc_curve(std::span<const float> normal, std::span<const float> abnormal, double spacing) {
  const auto negatives = sorted(normal);
  const auto positives = sorted(abnormal);
  if (negatives.empty() || positives.empty()) return {};
  std::vector<Rates> curve{{0, 0}};
  Rates newest;
  for_each_threshold(negatives, positives, [&](double true_positives, double false_positives) {
    newest = {false_positives / static_cast<double>(negatives.size()),
              true_positives / static_cast<double>(positives.size())};
    const auto &last = curve.back();
    const double way =
        newest.false_positive - last.false_positive + newest.true_positive - last.true_positive;
    if (way >= spacing) curve.push_back(newest);
  });
  if (curve.back().false_positive < 1 || curve.back().true_positive < 1) curve.push_back(newest);
  return curve;
}

PixelScores::Bin &PixelScores::bin_of(float score) {
  // The bits of floats sort like integers if those of negative floats are inverted and the sign bit of the
  // others is set. Adding 0 turns -0 into +0.
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
  constexpr std::uint32_t sign = 0x80000000U;
  const std::uint32_t ordered = (bits & sign) != 0 ? ~bits : bits | sign;
  auto &bins = bins_[ordered >> 23U];
  if (bins.empty()) bins.resize(std::size_t{1} << mantissa_bits);
  return bins[(ordered >> (23U - mantissa_bits)) & ((1U << mantissa_bits) - 1U)];
}

void PixelScores::add(std::span<const float> map, std::span<const std::uint8_t> mask, int width, int height,
                      std::span<const std::uint8_t> judged) {
  check_numbers(map);
  const auto counts = [judged](std::size_t i) { return judged.empty() || judged[i] != 0; };
  if (mask.empty()) {
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (!counts(i)) continue;
      auto &bin = bin_of(map[i]);
      ++bin.normal;
      ++bin.normal_in_normal_pictures;
    }
    return;
  }
  std::vector<std::uint8_t> abnormal_pixels(mask.begin(), mask.end());
  for (std::size_t i = 0; i < abnormal_pixels.size(); ++i)
    if (!counts(i)) abnormal_pixels[i] = 0;
  const cv::Mat picture(height, width, CV_8U, abnormal_pixels.data());
  cv::Mat labels;
  cv::Mat statistics;
  cv::Mat centroids;
  cv::connectedComponentsWithStats(picture, labels, statistics, centroids, 8, CV_32S);
  const double abnormal = cv::countNonZero(picture);
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (!counts(i)) continue;
    auto &bin = bin_of(map[i]);
    const int label = labels.ptr<int>()[i];
    if (label == 0) {  // the background
      ++bin.normal;
      continue;
    }
    ++bin.abnormal;
    bin.regions += 1.0 / statistics.at<int>(label, cv::CC_STAT_AREA);
    bin.pictures += 1.0 / abnormal;
  }
}

void PixelScores::add(const PixelScores &other) {
  for (std::size_t octave = 0; octave < bins_.size(); ++octave) {
    const auto &theirs = other.bins_[octave];
    auto &ours = bins_[octave];
    if (ours.size() < theirs.size()) ours.resize(theirs.size());
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      ours[i].normal += theirs[i].normal;
      ours[i].normal_in_normal_pictures += theirs[i].normal_in_normal_pictures;
      ours[i].abnormal += theirs[i].abnormal;
      ours[i].regions += theirs[i].regions;
      ours[i].pictures += theirs[i].pictures;
    }
  }
}

// Calls `visitor` once for each score that any pixel has, in descending order, with the sums over all pixels
// with that score or a higher one.
template <typename Visitor>
void PixelScores::from_the_highest(Visitor visitor) const {
  Bin sum;
  for (auto octave = bins_.rbegin(); octave != bins_.rend(); ++octave)
    for (auto bin = octave->rbegin(); bin != octave->rend(); ++bin) {
      if (bin->normal == 0 && bin->abnormal == 0) continue;
      sum.normal += bin->normal;
      sum.normal_in_normal_pictures += bin->normal_in_normal_pictures;
      sum.abnormal += bin->abnormal;
      sum.regions += bin->regions;
      sum.pictures += bin->pictures;
      visitor(sum);
    }
}

PixelScores::Bin PixelScores::sum() const {
  Bin all;
  from_the_highest([&](const Bin &sum) { all = sum; });
  return all;
}

std::optional<Ranking> PixelScores::ranking() const {
  const Bin all = sum();
  if (all.normal == 0 || all.abnormal == 0) return std::nullopt;
  RankingSums sums(static_cast<double>(all.abnormal), static_cast<double>(all.normal));
  from_the_highest([&](const Bin &above) {
    sums.next_threshold(static_cast<double>(above.abnormal), static_cast<double>(above.normal));
  });
  return sums.ranking();
}

std::optional<double> PixelScores::aupro(double limit) const {
  const Bin all = sum();
  if (all.normal == 0 || all.abnormal == 0) return std::nullopt;
  AreaBetween area(0, limit);
  from_the_highest([&](const Bin &above) {
    area.go_on_to(
        {static_cast<double>(above.normal) / static_cast<double>(all.normal), above.regions / all.regions},
        [](const Overlap &from, const Overlap &to) {
          return (to.rate - from.rate) * (from.overlap + to.overlap) / 2;
        });
  });
  return area.area() / limit;
}

std::optional<double> PixelScores::aupimo(double lowest, double highest) const {
  const Bin all = sum();
  const auto normal = static_cast<double>(all.normal_in_normal_pictures);
  if (all.abnormal == 0 || normal * lowest < 1) return std::nullopt;
  AreaBetween area(lowest, highest);
  from_the_highest([&](const Bin &above) {
    area.go_on_to(
        {static_cast<double>(above.normal_in_normal_pictures) / normal, above.pictures / all.pictures},
        [](const Overlap &from, const Overlap &to) {  // integral of (overlap at 0 + slope * rate) / rate
          const double slope = (to.overlap - from.overlap) / (to.rate - from.rate);
          const double at_zero = from.overlap - slope * from.rate;
          return at_zero * std::log(to.rate / from.rate) + slope * (to.rate - from.rate);
        });
  });
  return area.area() / std::log(highest / lowest);
}

}  // namespace uniad
