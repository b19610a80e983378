// SPDX-License-Identifier: Apache-2.0
// Turns the judged frames of one stream into events.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/detect/signals.h"
#include "gst-plugin/events/event.h"
#include "model/scoring/event_rule.h"

namespace uniad {

// The time of a frame.
struct FrameTime {
  GstAnomalyMoment moment = unknown_moment;
  GstAnomalyTimeSource time_source = GST_ANOMALY_TIME_UNKNOWN;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  // Time since an arbitrary earlier frame; learning and events use it. It never decreases, even if the
  // stream's timestamps do.
  std::chrono::nanoseconds elapsed{0};
};

// Writes the event that a frame belongs to into its metadata.
void set_event(GstAnomalyMeta *meta, const Event &event);

// Follows the frames of one detector. Several events can be open at the same time, one for each kind and
// zone. The metadata of a frame has room for only one event: the one that has been open for the longest time.
class EventTracker {
 public:
  explicit EventTracker(std::string session) : session_(std::move(session)) {}

  const std::string &session() const { return session_; }

  // The event in the metadata of the newest frame. Its state is GST_ANOMALY_EVENT_NONE if there is none.
  const Event &event() const;

  // Processes the signals of the next judged frame, at most one for each kind and zone. Returns the states to
  // report: begins, updates and ends. An open event without a signal ends with the reason "changed".
  // frame_pts: timestamp of the frame whose metadata will carry the states.
  std::vector<Event> advance(const std::vector<Signal> &signals, const FrameTime &frame,
                             const std::string &source, GstClockTime frame_pts);

  // Call this for a frame that repeats the previous result.
  void repeat();

  // Ends all events for a reason other than the scene, and resets the tracker.
  std::vector<Event> end(const char *reason);

 private:
  // An abnormal frame that may belong to an event.
  struct Candidate {
    std::uint64_t number;  // of the frame in EventRule
    FrameTime frame;
    double score;
    std::vector<GstAnomalyRegion> regions;
  };

  // The normal frame that the end of an event refers to.
  struct Quiet {
    FrameTime frame;
    double score = 0;
  };

  // The successive events of one kind in one zone.
  struct Track {
    std::string kind;
    std::string zone;
    EventRule rule;
    std::deque<Candidate> candidates;
    Event event;
    std::chrono::nanoseconds begun{0};
    std::chrono::nanoseconds reported{0};
    double reported_peak = 0;
    std::optional<Quiet> quiet;  // the first normal frame after the newest abnormal one
    bool has_signal = false;     // the newest frame has a signal for it

    void begin(const std::string &source, const std::string &session);
    void count(const Candidate &abnormal, std::optional<double> threshold);
    void stay_open(const Signal &signal, const FrameTime &frame);
    void close();
    Event end(const char *reason);
    bool has_new_peak(std::chrono::nanoseconds now) const;
  };

  Track &track_of(const Signal &signal);
  void advance(Track &track, const Signal &signal, const FrameTime &frame, const std::string &source,
               std::vector<Event> &states);
  void choose_carried();
  bool is_carried(const Event &event) const { return event.id == carried_; }

  std::string session_;
  std::deque<Track> tracks_;
  std::string carried_;  // the id of the event in the metadata of frames
};

}  // namespace uniad
