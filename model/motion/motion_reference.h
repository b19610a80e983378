// SPDX-License-Identifier: Apache-2.0
// What was learned about the motion of a source, and how it is learned.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/config/model_config.h"
#include "model/motion/activity.h"
#include "model/motion/motion_statistics.h"
#include "model/motion/normal_flow.h"
#include "model/scoring/calibration.h"

namespace uniad {

struct MotionReference {
  SpeedHistogram speeds;
  SceneActivity activity;   // older files have none
  std::int64_t frames = 0;  // learned from
  double seconds = 0;       // of the stream that these frames cover
  double step = 0;          // seconds between the frames that were compared, on average
  MotionUse use = MotionUse::Auto;
  std::string rule;  // of the threshold, as Calibration::rule
  std::optional<ScoreStatistics>
      normal;  // of frames that were held out in turn; absent if there were too few

  bool empty() const { return speeds.empty(); }
};

using MotionReferences = std::map<std::string, MotionReference>;  // by source

// The shortest footage, in seconds, from which motion is judged unless the user wants it.
inline constexpr double least_motion_seconds = 60;
// If half of the scene is usually faster than this, motion is normal everywhere: a conveyor, or a camera that
// moves. In pixels between compared frames.
inline constexpr double most_usual_speed = 0.2;

// The reason why motion is not judged by this reference; empty if it is.
std::string reason_not_judged(const MotionReference &reference);

// The share of the scene whose stops can be reported (longest_normal_stop()), 0..1.
double share_that_always_moves(const SceneActivity &activity);

// Merges two references of a source. If their scenes have different shapes, the newer one is kept.
MotionReference merge(MotionReference older, const MotionReference &newer);
void merge_into(MotionReferences &known, const MotionReferences &learned);

// The rule for thresholds of motion scores: the given one if it counts false alarms, else six an hour. Motion
// scores have long tails, for which a number of standard deviations means little.
ThresholdRule motion_rule(const ThresholdRule &rule);

// Learns the motion of one source from its frames, in order.
class MotionLearner {
 public:
  using Time = NormalFlow::Time;
  static constexpr int folds = 5;

  // known: what is extended; may be empty.
  explicit MotionLearner(MotionReference known = {});

  // map: of a frame; step: between the frames that were compared; fold: in which the frame is held out.
  void add(const MotionMap &map, Time step, Time time, int fold);

  // What was learned from the added frames only; normal scores are by them and the known ones together.
  MotionReference finish(const ThresholdRule &rule, MotionUse use) const;

 private:
  // The highest speeds of a frame, from which its score follows.
  struct Frame {
    int fold;
    bool continues;
    std::vector<float> maxima;
  };

  MotionReference known_;
  std::vector<SpeedHistogram> folds_;
  ActivityLearner activity_;
  std::vector<Frame> kept_;
  std::int64_t frames_ = 0;
  std::chrono::duration<double> covered_{0};
  std::chrono::duration<double> steps_{0};
  std::optional<Time> newest_;
};

}  // namespace uniad
