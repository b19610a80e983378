// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/signals.h"

#include <chrono>
#include <utility>

#include "gst-plugin/events/event.h"

namespace uniad {

namespace {

FrameLevel anomaly_level(const PartJudgment &part, bool unknown_scene, double release) {
  if (!part.threshold) return FrameLevel::Normal;
  if (unknown_scene) return FrameLevel::Raised;
  return level_of(part.score, *part.threshold, release);
}

}  // namespace

std::vector<Signal> signals_of(const Verdict &verdict, const EventRules &rules) {
  std::vector<Signal> signals;
  signals.reserve(verdict.parts.size() + 1);
  for (const PartJudgment &part : verdict.parts)
    signals.push_back({anomaly_kind, part.zone, anomaly_level(part, verdict.unknown_scene, rules.release),
                       part.score, part.threshold, c_regions(part.regions), rules});
  Signal &scene = signals.emplace_back(
      Signal{unknown_scene_kind, {}, FrameLevel::Normal, verdict.score, verdict.threshold, {}, rules});
  if (verdict.unknown_scene && verdict.threshold) {
    scene.level = FrameLevel::Abnormal;
    scene.regions = c_regions(verdict.regions);
  }
  return signals;
}

std::vector<Signal> signals_of(const MotionJudgment &motion, const EventRules &rules) {
  std::vector<Signal> signals;
  signals.reserve(motion.parts.size());
  for (const PartJudgment &part : motion.parts)
    signals.push_back({motion_kind, part.zone, level_of(part.score, *part.threshold, rules.release),
                       part.score, part.threshold,
                       c_regions(part.regions, g_intern_static_string(motion_kind)), rules});
  return signals;
}

Signal stopped_signal(const MotionJudgment &stops) {
  EventRules at_once;
  at_once.hold = std::chrono::nanoseconds(0);
  const PartJudgment &whole = stops.parts.front();
  return {stopped_kind,
          {},
          whole.anomalous ? FrameLevel::Abnormal : FrameLevel::Normal,
          whole.score,
          whole.threshold,
          c_regions(whole.regions, g_intern_static_string(stopped_kind)),
          at_once};
}

}  // namespace uniad
