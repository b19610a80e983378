// SPDX-License-Identifier: Apache-2.0
// The speed of motion across edges, in the cells of a grid.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "model/health/picture.h"

namespace uniad {

// The speeds in one frame: row-major, in pixels of the small luma picture between two frames that are
// compared; below 0 in cells of which less than half is kept (NormalFlow::ignore()). Cell (x, y) is the mean
// of the 16x16 pixels from (4 x, 4 y) on.
struct MotionMap {
  int width = 0;
  int height = 0;
  std::vector<float> speeds;

  std::size_t size() const { return speeds.size(); }
};

// The motion in a frame, for learning.
struct FrameMotion {
  MotionMap map;
  std::chrono::nanoseconds step{0};  // between the frames that were compared
};

// Measures motion in a stream of small luma pictures.
//
// Normal flow is the part of the optical flow that is parallel to the gradient of the picture. Its length is
// the ratio of the change over time to the length of the gradient (Horn and Schunck 1981). Here, both are
// means over 16x16 pixels: speed = mean |b - a| / (mean length of the gradient of (a + b) / 2 + 5). The ratio
// depends neither on contrast nor on color, and the constant keeps noise in flat areas small. Each cell is a
// causal exponential mean of it with a time constant of 0.2 s. Not thread-safe.
class NormalFlow {
 public:
  using Time = std::chrono::nanoseconds;
  // Frames that are further apart show too little of a motion to be compared.
  static constexpr Time longest_step = std::chrono::milliseconds(1500);

  // Adds a picture and returns the speeds, which are valid until the next call; null for the first frames
  // after the beginning and after a discontinuity. time: of the picture; a picture that is not later than the
  // newest, or later by more than longest_step, or of another size, begins anew. A picture that only repeats
  // the newest, as in a stream that is filled up to its rate, changes nothing for half a second. wanted_step:
  // the interval between the frames that are compared; absent: at most 0.1 s, but at least that between
  // neighbors.
  const MotionMap *add(const LumaPlane &luma, Time time, std::optional<Time> wanted_step = {});

  // The interval between the two frames that were compared last.
  Time step() const { return step_; }
  // Forgets the earlier pictures.
  void reset();
  // Leaves these pixels of pictures of this size out of all means. pixels: of the picture, 1 if ignored;
  // empty: none. Begins anew if they differ from the earlier ones.
  void ignore(std::vector<std::uint8_t> pixels);

 private:
  struct Seen {
    Time time{0};
    LumaPlane luma;
  };

  const Seen *to_compare(Time time, std::optional<Time> wanted_step) const;
  void compare(const LumaPlane &before, const LumaPlane &now);
  void smooth(Time elapsed);

  std::deque<Seen> seen_;  // oldest first; the newest last
  std::vector<LumaPlane> spare_;
  std::vector<float> mean_, change_, gradient_;         // of a picture
  std::vector<float> change_blocks_, gradient_blocks_;  // sums of 4x4 pixels
  std::vector<float> ratios_;
  std::vector<std::uint8_t> ignored_;
  std::vector<float> kept_, kept_blocks_;  // 0 for ignored pixels, else 1; empty: all are kept
  MotionMap map_;
  bool smoothed_ = false;  // map_ has speeds of this run of frames
  Time smoothed_at_{0};
  Time step_{0};
  bool measured_ = false;  // map_ is of the newest picture
};

}  // namespace uniad
