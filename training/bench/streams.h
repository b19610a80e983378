// SPDX-License-Identifier: Apache-2.0
// Measures many streams at once.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "model/engine/detector.h"
#include "training/bench/noisy_frame.h"

namespace uniad {

struct StreamTimes {
  double frames_per_second = 0;   // of all streams together
  std::vector<double> latencies;  // milliseconds per frame
};

// Simulated cameras without pauses: each is a thread with its own detector of the same model, which judges
// 1080p NV12 frames one after the other.
class Streams {
 public:
  // Throws Error.
  Streams(const std::filesystem::path &model, const DetectorOptions &options, int count);

  // Judges this many frames of each stream. Throws Error.
  void run(int frames);

  StreamTimes times() const;  // of all runs

 private:
  std::vector<NoisyFrame> frames_;  // used by the streams in turn
  std::vector<std::shared_ptr<Detector>> detectors_;
  double spent_ = 0;  // milliseconds
  std::vector<double> latencies_;
};

}  // namespace uniad
