// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/motion.h"

#include <algorithm>

#include "training/metrics/metrics.h"

namespace uniad {

void MotionEvaluator::add(const Item &item, std::optional<bool> abnormal,
                          const std::optional<MotionJudgment> &motion, double appearance_part) {
  if (!item.frame) return;
  judged_ = judged_ || motion;
  const auto score = static_cast<float>(motion ? motion->score : 0);
  add_frame(timelines_, item.path, {*item.frame, score, abnormal, motion && motion->anomalous});
  if (!abnormal) return;
  (*abnormal ? abnormal_ : normal_).push_back(score);
  (*abnormal ? combined_abnormal_ : combined_normal_)
      .push_back(static_cast<float>((motion ? motion->score : 0) + appearance_part));
}

std::vector<Timeline> MotionEvaluator::timelines(double threshold, const EventRules &rules) const {
  std::vector<Timeline> timelines = timelines_;
  for (Timeline &timeline : timelines) apply_event_rules(timeline, threshold, rules);
  return timelines;
}

MotionFigures MotionEvaluator::figures(double threshold, const EventRules &rules) const {
  MotionFigures result;
  if (!judged_) return result;
  Figures &figures = result.figures;
  figures["threshold"] = threshold;
  if (const auto ranking = rank(normal_, abnormal_)) {
    figures["frame_auroc"] = ranking->auroc;
    figures["frame_ap"] = ranking->average_precision;
    figures["frame_f1max"] = ranking->f1_max;
  }
  if (const auto ranking = rank(combined_normal_, combined_abnormal_))
    figures["combined_auroc"] = ranking->auroc;
  const auto share = [&](const std::vector<float> &scores, const char *name) {
    const auto above = std::ranges::count_if(scores, [&](float score) { return score >= threshold; });
    if (!scores.empty()) figures[name] = static_cast<double>(above) / static_cast<double>(scores.size());
  };
  share(normal_, "false_alarm_rate");
  share(abnormal_, "detection_rate");
  result.events = event_figures(timelines(threshold, rules), gap_of(rules));
  return result;
}

}  // namespace uniad
