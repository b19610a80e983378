// SPDX-License-Identifier: Apache-2.0
// How much a camera is to learn.
#pragma once

#include <chrono>

namespace uniad::rtsp {

// From now on; one of the two is 0.
struct LearnOrder {
  unsigned frames = 0;
  std::chrono::nanoseconds time{0};
};

}  // namespace uniad::rtsp
