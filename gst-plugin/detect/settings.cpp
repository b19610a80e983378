// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/settings.h"

namespace uniad {

EventRules DetectSettings::event_rules(bool live, bool has_time) const {
  EventRules rules;
  if (event_confirm.empty() || event_confirm == "auto")
    rules.confirm = live ? live_confirm : EventConfirm{};
  else
    rules.confirm = event_confirm_of(event_confirm);
  if (event_hold != automatic_hold)
    rules.hold = std::chrono::nanoseconds(event_hold);
  else if (!has_time)
    rules.hold = std::chrono::nanoseconds(0);
  rules.release = event_release;
  rules.cooldown = std::chrono::nanoseconds(event_cooldown);
  rules.min_duration = std::chrono::nanoseconds(event_min_duration);
  return rules;
}

HealthSettings DetectSettings::health_settings() const {
  return {health_kinds_of(health), std::chrono::nanoseconds(freeze_time),
          std::chrono::nanoseconds(settle_time)};
}

}  // namespace uniad
