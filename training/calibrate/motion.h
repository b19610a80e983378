// SPDX-License-Identifier: Apache-2.0
// New thresholds of motion scores.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/engine/motion_judge.h"
#include "model/motion/motion_reference.h"
#include "model/scoring/calibration.h"
#include "model/scoring/zones.h"
#include "training/data/source.h"
#include "training/data/video_time.h"

namespace uniad {

// Whether the item is the frame of a video that directly follows the other.
bool is_next_frame(const Item &item, const Item &before);

// The motion scores of new normal footage of one source.
class MotionFootage {
 public:
  // reference: what was learned about the motion of the source; null: none. frame_rate: of the videos; 0: not
  // known. zones: may be null; must outlive it.
  MotionFootage(std::shared_ptr<const MotionReference> reference, double frame_rate, const Zones *zones);

  // The next decoded frame of a video. counts: whether it is normal footage whose score is wanted; other
  // frames only show how the scene moves until the next one.
  void add(const Item &item, std::int64_t number, const FrameView &frame, bool counts);
  const NormalScores &scores() const { return scores_; }

 private:
  std::shared_ptr<const MotionReference> reference_;
  VideoTime time_;
  const Zones *zones_;
  MotionJudge judge_;
  NormalScores scores_;
  std::optional<Item> newest_;  // that counted
};

struct RecalibratedMotion {
  std::optional<ScoreStatistics> before;
  ScoreStatistics now;
  std::string rule;
};

// The rule for the motion of this source: the one that the user gave if it counts false alarms, else the
// source's own.
ThresholdRule motion_rule_for(const MotionReference &reference, const std::optional<ThresholdRule> &given);

// Absent if there are too few scores.
std::optional<RecalibratedMotion> recalibrate(const MotionReference &reference, const NormalScores &scores,
                                              const ThresholdRule &rule);
// By the scores that the model has. Absent if it has none.
std::optional<RecalibratedMotion> redraw(const MotionReference &reference, const ThresholdRule &rule);

}  // namespace uniad
