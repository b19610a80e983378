// SPDX-License-Identifier: Apache-2.0
// Metrics of the motion scores of a source's videos.
#pragma once

#include <optional>
#include <vector>

#include "model/engine/motion_judge.h"
#include "model/scoring/event_rule.h"
#include "training/data/source.h"
#include "training/evaluate/figures/events.h"

namespace uniad {

struct MotionFigures {
  // frame_auroc, frame_ap, frame_f1max, threshold, false_alarm_rate, detection_rate; combined_auroc: of the
  // combined scores
  Figures figures;
  Figures events;  // event_figures()
};

// The metrics of motion scores. Frames without a score count as still.
class MotionEvaluator {
 public:
  // appearance_part: see combined_score.h
  void add(const Item &item, std::optional<bool> abnormal, const std::optional<MotionJudgment> &motion,
           double appearance_part);
  // Empty if no frame was judged. threshold: of the reference.
  MotionFigures figures(double threshold, const EventRules &rules) const;

  const std::vector<float> &normal_scores() const { return normal_; }
  const std::vector<float> &abnormal_scores() const { return abnormal_; }
  // With the alarms that the rules report.
  std::vector<Timeline> timelines(double threshold, const EventRules &rules) const;

 private:
  bool judged_ = false;
  std::vector<float> normal_, abnormal_;
  std::vector<float> combined_normal_, combined_abnormal_;
  std::vector<Timeline> timelines_;
};

}  // namespace uniad
