// SPDX-License-Identifier: Apache-2.0
// Watches consecutive pictures for standstill and for changes of light.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "model/health/picture.h"

namespace uniad {

// A longer interval between two pictures is a discontinuity of the stream, and earlier pictures are ignored.
inline constexpr std::chrono::seconds longest_health_step{60};

// How much a picture has changed since another one: the mean absolute difference of the block of pixels that
// differs most, in levels of luma. 14x14 blocks, so that a single moving object is detected.
double largest_change(const GrayPicture &a, const GrayPicture &b);

// Measures for how long the picture has stood still. Pictures are compared with the first one of the window,
// so that slow changes accumulate.
class StillPicture {
 public:
  // limit: a change of at least this much begins a new window.
  void add(const GrayPicture &picture, std::chrono::nanoseconds time, double limit);
  std::chrono::nanoseconds duration() const { return newest_ - begun_; }
  std::int64_t pictures() const { return pictures_; }
  double change() const { return change_; }  // the largest change in the window
  void reset() { *this = {}; }

 private:
  GrayPicture first_;
  std::chrono::nanoseconds begun_{0};
  std::chrono::nanoseconds newest_{0};
  std::int64_t pictures_ = 0;
  double change_ = 0;
};

// The change of light in the whole picture within half a second.
struct LightStep {
  // The brightness of three quarters of the 14x14 blocks changed by at least this: natural logarithm of the
  // ratio.
  double jump = 0;
  double similarity =
      0;  // correlation of the edges before and after; only if `jump` reaches `limit` of add()
};

class LightWatch {
 public:
  // A picture of scene_side.
  LightStep add(LumaPlane picture, std::chrono::nanoseconds time, double limit);
  void reset() { before_.clear(); }

 private:
  struct Before {
    std::chrono::nanoseconds time;
    LumaPlane picture;
    LumaPlane blocks;
  };
  std::deque<Before> before_;  // of the last half second, oldest first
};

}  // namespace uniad
