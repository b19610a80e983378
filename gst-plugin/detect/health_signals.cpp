// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/health_signals.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

namespace uniad {
namespace {

// Health events need no hold time, because HealthMonitor applies its own times (model/health/monitor.h).
EventRules at_once() {
  EventRules rules;
  rules.hold = std::chrono::nanoseconds(0);
  return rules;
}

}  // namespace

std::vector<Signal> health_signals(const HealthReport &report, const HealthKinds &kinds, int width,
                                   int height) {
  std::vector<Signal> signals;
  for (std::size_t i = 0; i < health_kinds; ++i) {
    if (!kinds[i]) continue;
    const HealthState &state = report.states[i];
    Signal signal;
    signal.kind = std::string(health_kind_names[i]);
    signal.score = state.score;
    signal.threshold = 1;
    signal.rules = at_once();
    if (static_cast<HealthKind>(i) == HealthKind::Moved) {
      signal.threshold = moved_shift * std::max(width, height);
      signal.score = state.score * *signal.threshold;
      if (report.shift) signal.score = std::hypot(report.shift->x * width, report.shift->y * height);
    }
    if (state.holds) {
      signal.level = FrameLevel::Abnormal;
      signal.regions = {{0, 0, 1, 1, static_cast<float>(signal.score), nullptr, nullptr}};
    }
    signals.push_back(std::move(signal));
  }
  return signals;
}

void hold_back(std::vector<Signal> &signals, const HealthReport &report) {
  if (!report.holds_anomalies_back) return;
  for (Signal &signal : signals) {
    signal.level = report.is_blind() ? FrameLevel::Normal : std::min(signal.level, FrameLevel::Raised);
    signal.regions.clear();
  }
}

}  // namespace uniad
