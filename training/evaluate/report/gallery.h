// SPDX-License-Identifier: Apache-2.0
// The best and worst pictures of a source.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "model/engine/detector.h"
#include "training/data/source.h"

namespace uniad {

// A picture or frame for the report.
struct Exhibit {
  Item item;
  float score = 0;
  bool alarm = false;
  bool unknown_scene = false;
  bool as_a_whole = false;            // the picture as a whole raised the alarm, which no heatmap shows
  std::vector<std::uint8_t> picture;  // JPEG, at most 280 pixels wide and high
  std::vector<std::uint8_t> heatmap;  // the same picture with its heatmap
};

// The few pictures with the highest or lowest scores; equal ones in order of arrival. Frames of a video that
// are less than 25 apart look alike, so only the most extreme one is kept.
class Extremes {
 public:
  explicit Extremes(bool highest) : highest_(highest) {}

  bool wants(const Item &item, float score) const;
  // Adds an exhibit that is extreme enough.
  void put(Exhibit exhibit);
  const std::vector<Exhibit> &exhibits() const { return exhibits_; }  // the most extreme first

 private:
  bool beats(float score, const Exhibit &other) const;

  bool highest_;
  std::vector<Exhibit> exhibits_;
};

// Keeps the pictures of one source that the report shows. Only these are encoded, so time and memory do not
// grow with the number of pictures offered.
class Gallery {
 public:
  explicit Gallery(std::optional<ScoreStatistics> normal) : normal_(std::move(normal)) {}

  void offer(const Item &item, std::optional<bool> abnormal, const Detection &detection,
             const FrameView &frame);

  Extremes normal_highest{true};
  Extremes normal_lowest{false};
  Extremes abnormal_lowest{false};
  Extremes abnormal_highest{true};
  Extremes unlabeled_highest{true};

 private:
  std::optional<ScoreStatistics> normal_;
};

}  // namespace uniad
