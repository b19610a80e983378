// SPDX-License-Identifier: Apache-2.0
#include "training/calibrate/motion.h"

#include <utility>

namespace uniad {

bool is_next_frame(const Item &item, const Item &before) {
  return item.frame && before.frame && item.path == before.path && *item.frame == *before.frame + 1;
}

MotionFootage::MotionFootage(std::shared_ptr<const MotionReference> reference, double frame_rate,
                             const Zones *zones)
    : reference_(std::move(reference)), time_(frame_rate), zones_(zones) {
  if (reference_ && (reference_->empty() || reference_->use == MotionUse::Off)) reference_.reset();
  scores_.frame_rate = frame_rate;
}

void MotionFootage::add(const Item &item, std::int64_t number, const FrameView &frame, bool counts) {
  if (!reference_) return;
  const auto motion = judge_.measure(frame, time_.of(item.path, number), reference_.get(), zones_);
  if (!motion || !counts) return;
  constexpr double any_threshold = 0;
  const auto judged = judge_.judge(motion->map, reference_, zones_, any_threshold);
  if (!judged) return;
  scores_.values.push_back(judged->score);
  scores_.continues.push_back(newest_ && is_next_frame(item, *newest_));
  newest_ = item;
}

ThresholdRule motion_rule_for(const MotionReference &reference, const std::optional<ThresholdRule> &given) {
  return motion_rule(given && given->false_alarms_per_hour ? *given : rule_of(reference.rule));
}

std::optional<RecalibratedMotion> recalibrate(const MotionReference &reference, const NormalScores &scores,
                                              const ThresholdRule &rule) {
  if (scores.values.size() < fewest_scores) return std::nullopt;
  return RecalibratedMotion{reference.normal, describe_scores(scores, rule), text_of(rule)};
}

std::optional<RecalibratedMotion> redraw(const MotionReference &reference, const ThresholdRule &rule) {
  if (!reference.normal) return std::nullopt;
  return RecalibratedMotion{reference.normal, redraw(*reference.normal, rule), text_of(rule)};
}

}  // namespace uniad
