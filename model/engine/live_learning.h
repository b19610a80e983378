// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include "model/engine/calibration.h"
#include "model/engine/detector.h"
#include "model/network.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {

// Learns what is normal from frames that come one after the other.
class LiveLearning {
 public:
  // `config`: of the statistics that the model has or will have.
  LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config);

  // features: (B, channels, rows, columns). Frames with features that are no numbers are left out.
  void add(const torch::Tensor &features, const torch::Tensor &residuals);

  Learning progress() const;
  const std::string &source() const { return options_.source; }
  bool complete() const { return learner_.pictures() >= options_.frames; }

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
  StatisticsLearner learner_;
  std::int64_t left_out_ = 0;
};

}  // namespace uniad
