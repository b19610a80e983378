// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/gallery.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "model/engine/judgment.h"
#include "training/data/picture.h"
#include "training/predict/heatmap.h"

namespace uniad {
namespace {

constexpr std::size_t most_exhibits = 6;
constexpr int most_pixels = 280;

bool look_alike(const Item &a, const Item &b) {
  constexpr std::int64_t near = 25;
  return a.frame && b.frame && a.path == b.path && std::abs(*a.frame - *b.frame) < near;
}

cv::Mat thumbnail(const FrameView &frame) {
  const auto scale = std::min(1.0, most_pixels / static_cast<double>(std::max(frame.width, frame.height)));
  const auto scaled = [&](int extent) { return std::max(1, static_cast<int>(std::lround(extent * scale))); };
  return to_bgr(frame, scaled(frame.width), scaled(frame.height));
}

std::vector<std::uint8_t> jpeg(const cv::Mat &picture) {
  std::vector<std::uint8_t> bytes;
  cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, 80});
  return bytes;
}

}  // namespace

bool Extremes::beats(float score, const Exhibit &other) const {
  return highest_ ? score > other.score : score < other.score;
}

bool Extremes::wants(const Item &item, float score) const {
  bool has_alike = false;
  for (const auto &exhibit : exhibits_) {
    if (!look_alike(item, exhibit.item)) continue;
    if (!beats(score, exhibit)) return false;
    has_alike = true;
  }
  return has_alike || exhibits_.size() < most_exhibits || beats(score, exhibits_.back());
}

void Extremes::put(Exhibit exhibit) {
  std::erase_if(exhibits_, [&](const Exhibit &other) { return look_alike(exhibit.item, other.item); });
  if (exhibits_.size() == most_exhibits) exhibits_.pop_back();
  const auto place = std::find_if(exhibits_.begin(), exhibits_.end(),
                                  [&](const Exhibit &other) { return beats(exhibit.score, other); });
  exhibits_.insert(place, std::move(exhibit));
}

void Gallery::offer(const Item &item, std::optional<bool> abnormal, const Detection &detection,
                    const FrameView &frame) {
  std::array<Extremes *, 2> lists{&unlabeled_highest, nullptr};
  if (abnormal && *abnormal) lists = {&abnormal_lowest, &abnormal_highest};
  if (abnormal && !*abnormal) lists = {&normal_highest, &normal_lowest};
  Exhibit exhibit;
  for (auto *list : lists) {
    if (list == nullptr || !list->wants(item, detection.score)) continue;
    if (exhibit.picture.empty()) {
      const auto small = thumbnail(frame);
      exhibit.item = item;
      exhibit.score = detection.score;
      const Judgment judgment =
          judgment_of(detection, normal_ ? std::optional(normal_->threshold) : std::nullopt);
      exhibit.alarm = judgment.anomalous;
      exhibit.as_a_whole = judgment.raised_by == RaisedBy::Image;
      exhibit.unknown_scene = detection.unknown_scene();
      exhibit.picture = jpeg(small);
      exhibit.heatmap = jpeg(draw_heatmap(view_of(small), detection, normal_ ? &*normal_ : nullptr));
    }
    list->put(exhibit);
  }
}

}  // namespace uniad
