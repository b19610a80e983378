// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/event_tracker.h"

#include <algorithm>
#include <utility>

namespace uniad {

namespace {

constexpr std::chrono::seconds between_updates{1};

GstClockTime clock_time(std::chrono::nanoseconds time) {
  return static_cast<GstClockTime>(time.count());
}

}  // namespace

void set_event(GstAnomalyMeta *meta, const Event &event) {
  if (event.state == GST_ANOMALY_EVENT_NONE) return;
  gst_anomaly_meta_set_event(meta, event.id.c_str(), event.state);
  gst_anomaly_meta_set_event_kind(meta, event.kind.c_str(),
                                  event.zone.empty() ? nullptr : event.zone.c_str());
  gst_anomaly_meta_set_event_course(meta, &event.begin, &event.moment, &event.peak, event.peak_score,
                                    event.frames);
}

void EventTracker::Track::begin(const std::string &source, const std::string &session) {
  gchar *id = g_uuid_string_random();
  event = {};
  event.id = id;
  event.kind = kind;
  event.zone = zone;
  event.source = source;
  event.session = session;
  event.state = GST_ANOMALY_EVENT_BEGIN;
  g_free(id);
}

void EventTracker::Track::count(const Candidate &abnormal, std::optional<double> threshold) {
  const FrameTime &frame = abnormal.frame;
  if (event.frames++ == 0) {
    event.begin = frame.moment;
    begun = frame.elapsed;
  }
  event.moment = frame.moment;
  event.time_source = frame.time_source;
  event.score = abnormal.score;
  event.threshold = threshold;
  event.unknown_scene = kind == unknown_scene_kind;
  event.regions = abnormal.regions;
  if (GST_CLOCK_TIME_IS_VALID(frame.moment.pts)) event.duration = clock_time(frame.elapsed - begun);
  if (event.frames == 1 || abnormal.score > event.peak_score) {
    event.peak = frame.moment;
    event.peak_score = abnormal.score;
    event.peak_regions = event.regions;
  }
}

// Updates the open event with a frame that is not abnormal.
void EventTracker::Track::stay_open(const Signal &signal, const FrameTime &frame) {
  if (signal.level == FrameLevel::Raised)
    quiet.reset();
  else if (!quiet)
    quiet = Quiet{frame, signal.score};
  event.unknown_scene = false;
  event.regions.clear();
  event.moment = frame.moment;
}

void EventTracker::Track::close() {
  event.state = GST_ANOMALY_EVENT_END;
  candidates.clear();
  if (!quiet) return;
  event.moment = quiet->frame.moment;
  event.time_source = quiet->frame.time_source;
  event.score = quiet->score;
  if (GST_CLOCK_TIME_IS_VALID(event.duration)) event.duration = clock_time(quiet->frame.elapsed - begun);
  quiet.reset();
}

// For another reason than the scene. Returns the end to report.
Event EventTracker::Track::end(const char *reason) {
  rule.reset();
  close();
  event.reason = reason;
  return std::exchange(event, {});
}

bool EventTracker::Track::has_new_peak(std::chrono::nanoseconds now) const {
  return event.peak_score > reported_peak && now - reported >= between_updates;
}

const Event &EventTracker::event() const {
  static const Event none;
  const auto carried = std::find_if(tracks_.begin(), tracks_.end(),
                                    [this](const Track &track) { return is_carried(track.event); });
  return carried == tracks_.end() || carried_.empty() ? none : carried->event;
}

EventTracker::Track &EventTracker::track_of(const Signal &signal) {
  for (Track &track : tracks_)
    if (track.kind == signal.kind && track.zone == signal.zone) return track;
  Track &track = tracks_.emplace_back();
  track.kind = signal.kind;
  track.zone = signal.zone;
  return track;
}

// Selects the event for the metadata of frames: the oldest open one. It remains selected until it ends.
void EventTracker::choose_carried() {
  if (!carried_.empty()) return;
  const Track *oldest = nullptr;
  for (const Track &track : tracks_)
    if (track.event.open() && (oldest == nullptr || track.begun < oldest->begun)) oldest = &track;
  if (oldest != nullptr) carried_ = oldest->event.id;
}

void EventTracker::repeat() {
  for (Track &track : tracks_) {
    if (track.event.state == GST_ANOMALY_EVENT_BEGIN) track.event.state = GST_ANOMALY_EVENT_ONGOING;
    if (track.event.state != GST_ANOMALY_EVENT_END) continue;
    if (is_carried(track.event)) carried_.clear();
    track.event = {};
  }
}

void EventTracker::advance(Track &track, const Signal &signal, const FrameTime &frame,
                           const std::string &source, std::vector<Event> &states) {
  track.has_signal = true;
  const std::uint64_t number = track.rule.next_frame();
  const EventRule::Step step = track.rule.advance(signal.level, frame.elapsed, signal.rules);
  const bool abnormal = signal.level == FrameLevel::Abnormal;
  if (abnormal) track.candidates.push_back({number, frame, signal.score, signal.regions});
  if (step == EventRule::Step::None || step == EventRule::Step::Pending) {
    std::erase_if(track.candidates,
                  [&](const Candidate &candidate) { return candidate.number < track.rule.first_frame(); });
    return;
  }
  if (step == EventRule::Step::Begin) track.begin(source, session_);
  if (abnormal) track.quiet.reset();
  for (const Candidate &candidate : std::exchange(track.candidates, {}))
    if (candidate.number >= track.rule.first_frame()) track.count(candidate, signal.threshold);
  if (!abnormal) track.stay_open(signal, frame);
  if (step == EventRule::Step::End) track.close();
  if (step == EventRule::Step::Ongoing && !track.has_new_peak(frame.elapsed)) return;
  track.reported = frame.elapsed;
  track.reported_peak = track.event.peak_score;
  states.push_back(track.event);
}

std::vector<Event> EventTracker::advance(const std::vector<Signal> &signals, const FrameTime &frame,
                                         const std::string &source, GstClockTime frame_pts) {
  repeat();
  std::vector<Event> states;
  for (Track &track : tracks_) track.has_signal = false;
  const auto end_track = [&](Track &track) {
    if (!track.event.open()) return;
    states.push_back(track.end("changed"));
    if (is_carried(states.back())) carried_.clear();
  };
  for (const Signal &signal : signals) {
    Track &track = track_of(signal);
    if (track.event.source != source) end_track(track);
    advance(track, signal, frame, source, states);
  }
  for (Track &track : tracks_)
    if (!track.has_signal) end_track(track);
  std::erase_if(tracks_, [](const Track &track) { return !track.has_signal; });
  choose_carried();
  for (Event &state : states) {
    state.on_frame = is_carried(state);
    if (state.on_frame) state.frame_pts = frame_pts;
  }
  return states;
}

std::vector<Event> EventTracker::end(const char *reason) {
  std::vector<Event> states;
  for (Track &track : tracks_)
    if (track.event.open()) states.push_back(track.end(reason));
  tracks_.clear();
  carried_.clear();
  return states;
}

}  // namespace uniad
