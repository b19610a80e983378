// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/base/event_log.h"

#include <algorithm>
#include <utility>

#include "gst-plugin/events/anomaly_json.h"

namespace uniad::rtsp {

void EventLog::note(const std::string &camera, const Event &event) {
  LoggedEvent logged{event.id, camera, event.kind, event_json(event)};
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(events_.rbegin(), events_.rend(),
                                  [&logged](const LoggedEvent &other) { return other.id == logged.id; });
  if (known != events_.rend()) {
    *known = std::move(logged);
    return;
  }
  events_.push_back(std::move(logged));
  if (events_.size() > most) events_.pop_front();
}

std::vector<LoggedEvent> EventLog::newest(const std::string &camera, const std::string &kind,
                                          std::size_t count) const {
  std::vector<LoggedEvent> found;
  const std::lock_guard lock(mutex_);
  for (auto event = events_.rbegin(); event != events_.rend() && found.size() < count; ++event)
    if ((camera.empty() || event->camera == camera) && (kind.empty() || event->kind == kind))
      found.push_back(*event);
  return found;
}

}  // namespace uniad::rtsp
