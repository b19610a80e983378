// SPDX-License-Identifier: Apache-2.0
// The newest events of all cameras.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "gst-plugin/events/event.h"

namespace uniad::rtsp {

// An event as its newest report describes it.
struct LoggedEvent {
  std::string id;
  std::string camera;
  std::string kind;
  std::string line;  // JSON, as uniadpublish writes it
};

// Keeps a bounded number of events, each once. Thread-safe.
class EventLog {
 public:
  static constexpr std::size_t most = 1000;

  // Adds the event, or replaces what is known of it: its begin by an update, and these by its end.
  void note(const std::string &camera, const Event &event);

  // Those of this camera and of this kind, of which empty ones mean all; those that began last first.
  std::vector<LoggedEvent> newest(const std::string &camera, const std::string &kind,
                                  std::size_t count) const;

 private:
  mutable std::mutex mutex_;  // guards the events
  std::deque<LoggedEvent> events_;
};

}  // namespace uniad::rtsp
