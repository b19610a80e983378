// SPDX-License-Identifier: Apache-2.0
// What one source has learned from its stream so far.
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/engine/backend/backend.h"
#include "model/engine/detector.h"
#include "model/health/reference.h"
#include "model/network.h"
#include "model/scoring/calibration.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {

// The time of a stream that frames cover: from each to the next, the newest for as long as the one before it.
// The frame before a gap covers no more than the others.
class CoveredTime {
 public:
  // Without a time: as long after the frame before as that after its own.
  void add(std::optional<std::chrono::nanoseconds> frame);
  std::chrono::nanoseconds covered() const { return covered_ + step_; }
  bool reaches(std::chrono::nanoseconds wanted) const;

  // Resumes with the next frame after this time was covered.
  std::chrono::nanoseconds step() const { return step_; }
  static CoveredTime after(std::chrono::nanoseconds covered, std::chrono::nanoseconds step);

 private:
  void measure(std::chrono::nanoseconds step);

  std::optional<std::chrono::nanoseconds> newest_;
  std::chrono::nanoseconds covered_{0};
  std::chrono::nanoseconds step_{0};  // the newest that is no gap
  std::int64_t steps_ = 0;            // that were measured
  bool after_gap_ = false;
};

// Learns what is normal from frames that come one after the other.
class LiveLearning {
 public:
  // `known`: what `config` has statistics of, or will have. Tokens come in so many rows and columns.
  LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config,
               std::int64_t rows, std::int64_t columns);

  // A frame with features that are not finite is left out.
  // luma: of the same frame; may be empty.
  void add(const Tokens &tokens, const GrayPicture &luma, std::optional<std::chrono::nanoseconds> time);
  // So many frames came that were not learned from.
  void leave_out(std::int64_t frames) { skipped_ += frames; }

  LearningProgress progress() const;
  const std::string &source() const { return options_.source; }
  bool complete() const;

  // All that was learned, to be resumed later with the same result. restore() throws Error if the content
  // does not fit.
  TensorFile store() const;
  void restore(const TensorFile &stored);

  struct Outcome {
    Statistics statistics;
    Statistics gained;        // of the frames learned from alone
    Calibration calibration;  // of the same
    HealthReference health;   // of the same
    LearningProgress learning;
  };
  // zones: by which held-out frames are scored; may be null.
  Outcome finish(ScoreKind score, const ThresholdRule &rule, const ZoneGrid *zones = nullptr) const;

 private:
  HealthReference health() const { return merge(health_before_, health_.finish()); }
  int next_fold() const;
  double frame_rate() const;
  std::vector<std::string> warnings_about(const ScoreStatistics &normal, const ThresholdRule &rule) const;

  LearnOptions options_;
  bool anew_;  // nothing was known
  bool residuals_;
  std::int64_t rows_;
  std::int64_t columns_;
  StatisticsLearner learner_;
  CoveredTime time_;
  HealthReference health_before_;  // that was learned before an interruption
  ReferenceLearner health_;
  std::int64_t left_out_ = 0;  // their features are not finite
  std::int64_t skipped_ = 0;   // they came too fast
};

}  // namespace uniad
