// SPDX-License-Identifier: Apache-2.0
// Implements detector.h without a network.
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

// The state of the fake network, which replaces the real one behind Detector::open() in these tests.
struct FakeNetwork {
  std::function<Detection(const FrameView &)> judge;
  Calibration calibration;
  std::optional<Error> open_error;  // thrown by open()
  std::string warning;
  double aspect_ratio = 0;                        // of the pictures that every source was learned from
  std::shared_ptr<const HealthReference> health;  // of every source
  std::shared_ptr<const MotionReference> motion;  // likewise
  int open_detectors = 0;
  std::optional<int> cuda_device;  // that every value of `device` selects
  std::string asked_device;        // by the most recent cuda_device()
  DetectorOptions options;         // of the most recent open()

  // Learning accepts any frame and gives its source a threshold of 0.5.
  LearnOptions learn_options;                   // of the most recent learn()
  std::string learn_error;                      // thrown by learn() unless empty
  std::string save_error;                       // thrown by save() unless empty
  std::vector<std::filesystem::path> saved;     // the paths that save() was asked to write to
  std::optional<LearningProgress> interrupted;  // by the end of the stream; learn() resumes it
  bool holds_unsaved = false;
  int frames_with_motion = 0;  // whose motion was measured
  int followed = 0;
  int pauses = 0;

  void reset();

  // The score and every value of the grid are the brightness of the frame's first byte, 0..1.
  static Detection first_byte(const FrameView &frame);
};

FakeNetwork &fake_network();

}  // namespace uniad::test
