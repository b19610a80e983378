// SPDX-License-Identifier: Apache-2.0
// What changes from picture to picture: nothing at all, or the light of the whole scene.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "model/health/picture.h"

namespace uniad {

// A longer step between two pictures is a jump of the stream: what was seen before it says nothing.
inline constexpr std::chrono::seconds longest_health_step{60};

// How far a picture has changed since the first one of a window: the mean absolute difference of the block of
// pixels that differs most, in levels of luma. 14x14 blocks, so that a single moving object shows.
double largest_change(const GrayPicture &a, const GrayPicture &b);

// For how long a picture has stood still. Pictures are compared with the first of the window, so that slow
// changes add up.
class StillPicture {
 public:
  // `limit`: a change that is not below it begins a new window.
  void add(const GrayPicture &picture, std::chrono::nanoseconds time, double limit);
  std::chrono::nanoseconds duration() const { return newest_ - begun_; }
  std::int64_t pictures() const { return pictures_; }
  double change() const { return change_; }  // the largest in the window
  void reset() { *this = {}; }

 private:
  GrayPicture first_;
  std::chrono::nanoseconds begun_{0};
  std::chrono::nanoseconds newest_{0};
  std::int64_t pictures_ = 0;
  double change_ = 0;
};

// How the light of the whole picture has changed within half a second.
struct LightStep {
  // Three quarters of 14x14 blocks changed their brightness by at least this: natural logarithm of the ratio.
  double jump = 0;
  double similarity =
      0;  // correlation of the edges before and after; only where `jump` reaches what was asked
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
