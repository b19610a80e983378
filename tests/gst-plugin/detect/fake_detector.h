// SPDX-License-Identifier: Apache-2.0
// A detector without a network, behind detector.h.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/base/error.h"
#include "model/engine/detector.h"

namespace uniad::test {

// What stands behind Detector::open() in these tests, in place of the network.
struct FakeNetwork {
  std::function<Detection(const FrameView &)> judge;
  Calibration calibration;
  std::optional<Error> open_error;  // thrown by open()
  std::string warning;
  double aspect_ratio = 0;                        // of what every source was learned from
  std::shared_ptr<const HealthReference> health;  // of every source
  int open_detectors = 0;
  std::optional<int> cuda_device;  // that every `device` stands for
  std::string asked_device;        // of the newest cuda_device()
  DetectorOptions options;         // of the newest open()

  // Learning takes any frame, and gives its source a threshold of 0.5.
  LearnOptions learn_options;                   // of the newest learn()
  std::string learn_error;                      // thrown by learn() unless empty
  std::string save_error;                       // thrown by save() unless empty
  std::vector<std::filesystem::path> saved;     // where save() was asked to write
  std::optional<LearningProgress> interrupted;  // by the end of the stream; learn() goes on with it
  bool holds_unsaved = false;
  int followed = 0;
  int pauses = 0;

  void reset();

  // Score and every value of the grid: the brightness of the frame's first byte, 0..1.
  static Detection first_byte(const FrameView &frame);
};

FakeNetwork &fake_network();

}  // namespace uniad::test
