// SPDX-License-Identifier: Apache-2.0
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
  std::vector<std::uint8_t> picture;  // JPEG, at most 280 pixels wide and high
  std::vector<std::uint8_t> heatmap;  // the same under its anomaly map
};

// The few with the highest or lowest scores; equal ones in the order they came. Of frames of one video less
// than 25 apart, which look alike, only the best one.
class Extremes {
 public:
  explicit Extremes(bool highest) : highest_(highest) {}

  bool wants(const Item &item, float score) const;
  // Of one that is wanted.
  void put(Exhibit exhibit);
  const std::vector<Exhibit> &exhibits() const { return exhibits_; }  // the most extreme first

 private:
  bool beats(float score, const Exhibit &other) const;

  bool highest_;
  std::vector<Exhibit> exhibits_;
};

// Keeps what is worth looking at of one source. Pictures are made only of those that get in, so time and
// memory do not grow with the number that is offered.
class Gallery {
 public:
  explicit Gallery(std::optional<ScoreStatistics> normal) : normal_(std::move(normal)) {}

  void offer(const Item &item, std::optional<bool> abnormal, const Detection &detection,
             const FrameView &frame);

  Extremes normal_highest{true};
  Extremes normal_lowest{false};
  Extremes abnormal_lowest{false};
  Extremes abnormal_highest{true};
  Extremes unlabelled_highest{true};

 private:
  std::optional<ScoreStatistics> normal_;
};

}  // namespace uniad
