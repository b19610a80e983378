// SPDX-License-Identifier: Apache-2.0
// From the verdicts of one stream to its events.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "gst-plugin/detect/verdict.h"
#include "gst-plugin/events/event.h"
#include "model/scoring/event_rule.h"

namespace uniad {

// When a frame was.
struct FrameTime {
  GstAnomalyMoment moment = unknown_moment;
  GstAnomalyTimeSource time_source = GST_ANOMALY_TIME_UNKNOWN;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  // Since some frame before: what learning and events go by. It never decreases, whatever the stream's
  // timestamps do.
  std::chrono::nanoseconds elapsed{0};
};

// Says of a marked frame which event it belongs to.
void set_event(GstAnomalyMeta *meta, const Event &event);

// Follows the verdicts of one detector and tells which event is on.
class EventTracker {
 public:
  explicit EventTracker(std::string session) : session_(std::move(session)) {}

  const std::string &session() const { return session_; }

  // As of the newest frame.
  const Event &event() const { return event_; }

  // The next frame was judged.
  void advance(const Verdict &verdict, const FrameTime &frame, const std::string &source,
               std::chrono::nanoseconds hold_time);

  // The next frame only repeats what is known.
  void repeat();

  // Ends the event for another reason than the scene; false where none is open.
  bool end(const char *reason);

  // There is no event any more.
  void clear();

 private:
  // What an end is about.
  struct Quiet {
    FrameTime frame;
    double score = 0;
  };

  void begin(const std::string &source);
  void count(const Verdict &verdict, const FrameTime &frame);
  void close();

  std::string session_;
  EventRule rule_;
  Event event_;
  std::chrono::nanoseconds begun_{0};
  std::optional<Quiet> quiet_;  // the first frame after the newest anomalous one
};

}  // namespace uniad
