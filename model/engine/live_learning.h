// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/engine/calibration.h"
#include "model/engine/detector.h"
#include "model/network.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {

// The time of a stream that frames cover: from each to the next, the newest for as long as the one before it.
class CoveredTime {
 public:
  // Without a time: as long after the frame before as that after its own.
  void add(std::optional<std::chrono::nanoseconds> frame);
  std::chrono::nanoseconds covered() const { return covered_ + step_; }
  bool reaches(std::chrono::nanoseconds wanted) const { return covered() + step_ / 2 >= wanted; }

 private:
  std::optional<std::chrono::nanoseconds> newest_;
  std::chrono::nanoseconds covered_{0};
  std::chrono::nanoseconds step_{0};
};

// Learns what is normal from frames that come one after the other.
class LiveLearning {
 public:
  // `config`: of the statistics that the model has or will have.
  LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config);

  // One frame's features: (1, channels, rows, columns). One with features that are no numbers is left out.
  void add(const torch::Tensor &features, const torch::Tensor &residuals,
           std::optional<std::chrono::nanoseconds> time);

  Learning progress() const;
  const std::string &source() const { return options_.source; }
  bool complete() const;

  struct Outcome {
    Statistics statistics;
    Calibration calibration;  // of the frames learned from
    Learning learning;
  };
  // Throws Error where no frame could be learned from; and where learning was cut short with so few that a
  // new model would not be trustworthy.
  Outcome finish(ScoreKind score, const ThresholdRule &rule) const;

 private:
  LearnOptions options_;
  bool anew_;  // nothing was known
  int next_fold() const;

  StatisticsLearner learner_;
  CoveredTime time_;
  std::int64_t left_out_ = 0;
};

}  // namespace uniad
