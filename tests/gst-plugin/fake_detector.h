// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "model/engine/detector.h"

namespace uniad::test {

// What stands behind Detector::open() in these tests, in place of the network.
struct FakeNetwork {
  std::function<Detection(const FrameView &)> judge;
  Calibration calibration;
  std::string open_error;  // thrown by open() unless empty
  int open_detectors = 0;

  // Score and every value of the grid: the brightness of the frame's first byte, 0..1.
  static Detection first_byte(const FrameView &frame);
};

FakeNetwork &fake_network();

}  // namespace uniad::test
