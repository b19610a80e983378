// SPDX-License-Identifier: Apache-2.0
// Learns from the frames of one stream.
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/engine/backend/backend.h"
#include "model/engine/detector.h"
#include "model/health/reference.h"
#include "model/motion/motion_reference.h"
#include "model/network.h"
#include "model/scoring/calibration.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {

// The time of a stream that its frames cover. Each frame covers the time until the next one. The newest frame
// covers as much as the one before it, and so does a frame before a gap.
class CoveredTime {
 public:
  // frame: its time. If absent, the interval to the previous frame is assumed to be the same as the last one.
  void add(std::optional<std::chrono::nanoseconds> frame);
  std::chrono::nanoseconds covered() const { return covered_ + step_; }
  bool reaches(std::chrono::nanoseconds wanted) const;

  // The state with which to resume: the next frame comes after this covered time, at this interval.
  std::chrono::nanoseconds step() const { return step_; }
  static CoveredTime after(std::chrono::nanoseconds covered, std::chrono::nanoseconds step);

 private:
  void measure(std::chrono::nanoseconds step);

  std::optional<std::chrono::nanoseconds> newest_;
  std::chrono::nanoseconds covered_{0};
  std::chrono::nanoseconds step_{0};  // the newest interval that is not a gap
  std::int64_t steps_ = 0;            // number of measured intervals
  bool after_gap_ = false;
};

// Learns what is normal from consecutive frames.
class LiveLearning {
 public:
  // known, known_motion: what is extended; may be empty. rows, columns: of the tokens of a frame.
  LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config,
               std::int64_t rows, std::int64_t columns, MotionReference known_motion = {});

  // Skips a frame if one of its features is not finite. luma: of the same frame; may be empty.
  // motion: may be null.
  void add(const Tokens &tokens, const GrayPicture &luma, std::optional<std::chrono::nanoseconds> time,
           const FrameMotion *motion = nullptr);
  // Counts frames that were not learned from because they came too fast.
  void leave_out(std::int64_t frames) { skipped_ += frames; }

  LearningProgress progress() const;
  const std::string &source() const { return options_.source; }
  bool complete() const;

  // The complete state, so that learning can be resumed later with the same result. restore() throws Error if
  // the content does not match.
  TensorFile store() const;
  void restore(const TensorFile &stored);

  struct Outcome {
    Statistics statistics;
    Statistics gained;        // of the new frames only
    Calibration calibration;  // of the new frames
    HealthReference health;   // of the new frames
    MotionReference motion;   // likewise
    LearningProgress learning;
  };
  // zones: used to score held-out frames; may be null.
  Outcome finish(ScoreKind score, const ThresholdRule &rule, const ZoneGrid *zones = nullptr) const;

 private:
  HealthReference health() const { return merge(health_before_, health_.finish()); }
  MotionReference motion(const ThresholdRule &rule) const;
  int next_fold() const;
  double frame_rate() const;
  std::vector<std::string> warnings_about(const ScoreStatistics &normal, const ThresholdRule &rule) const;

  LearnOptions options_;
  bool anew_;  // there were no statistics before
  bool residuals_;
  std::int64_t rows_;
  std::int64_t columns_;
  StatisticsLearner learner_;
  CoveredTime time_;
  HealthReference health_before_;  // learned before an interruption
  ReferenceLearner health_;
  MotionReference motion_before_;  // likewise
  MotionLearner motion_;
  std::int64_t left_out_ = 0;  // frames with features that are not finite
  std::int64_t skipped_ = 0;   // frames that came too fast
};

}  // namespace uniad
