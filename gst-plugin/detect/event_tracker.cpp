// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/event_tracker.h"

#include <utility>
#include <vector>

namespace uniad {

namespace {

std::vector<GstAnomalyRegion> c_regions(const std::vector<Region> &regions) {
  std::vector<GstAnomalyRegion> result;
  result.reserve(regions.size());
  for (const auto &region : regions)
    result.push_back({region.x, region.y, region.width, region.height, region.score});
  return result;
}

}  // namespace

void set_event(GstAnomalyMeta *meta, const Event &event) {
  if (event.state == GST_ANOMALY_EVENT_NONE) return;
  gst_anomaly_meta_set_event(meta, event.id.c_str(), event.state);
  gst_anomaly_meta_set_event_course(meta, &event.begin, &event.moment, &event.peak, event.peak_score,
                                    event.frames);
}

void EventTracker::begin(const std::string &source) {
  gchar *id = g_uuid_string_random();
  event_ = {};
  event_.id = id;
  event_.source = source;
  event_.session = session_;
  event_.state = GST_ANOMALY_EVENT_BEGIN;
  g_free(id);
}

void EventTracker::count(const Verdict &verdict, const FrameTime &frame) {
  if (event_.frames++ == 0) {
    event_.begin = frame.moment;
    begun_ = frame.elapsed;
  }
  event_.moment = frame.moment;
  event_.time_source = frame.time_source;
  event_.score = verdict.score;
  event_.threshold = verdict.threshold;
  event_.unknown_scene = verdict.unknown_scene;
  event_.regions = c_regions(verdict.regions);
  if (GST_CLOCK_TIME_IS_VALID(frame.moment.pts))
    event_.duration = static_cast<GstClockTime>((frame.elapsed - begun_).count());
  if (event_.frames == 1 || verdict.score > event_.peak_score) {
    event_.peak = frame.moment;
    event_.peak_score = verdict.score;
    event_.peak_regions = event_.regions;
  }
  quiet_.reset();
}

void EventTracker::close() {
  event_.state = GST_ANOMALY_EVENT_END;
  if (!quiet_) return;
  event_.moment = quiet_->frame.moment;
  event_.time_source = quiet_->frame.time_source;
  event_.score = quiet_->score;
  if (GST_CLOCK_TIME_IS_VALID(event_.duration))
    event_.duration = static_cast<GstClockTime>((quiet_->frame.elapsed - begun_).count());
  quiet_.reset();
}

void EventTracker::advance(const Verdict &verdict, const FrameTime &frame, const std::string &source,
                           std::chrono::nanoseconds hold_time) {
  const auto step = rule_.advance(verdict.anomalous, frame.elapsed, hold_time);
  if (step == EventRule::Step::None) return clear();
  if (step == EventRule::Step::Begin)
    begin(source);
  else
    event_.state = GST_ANOMALY_EVENT_ONGOING;
  if (verdict.anomalous) return count(verdict, frame);

  if (!quiet_) quiet_ = Quiet{frame, verdict.score};
  event_.unknown_scene = false;
  event_.regions.clear();
  event_.moment = frame.moment;
  if (step == EventRule::Step::End) close();
}

void EventTracker::repeat() {
  if (event_.state == GST_ANOMALY_EVENT_BEGIN) event_.state = GST_ANOMALY_EVENT_ONGOING;
  if (event_.state == GST_ANOMALY_EVENT_END) clear();
}

bool EventTracker::end(const char *reason) {
  if (!event_.open()) return false;
  rule_.reset();
  close();
  event_.reason = reason;
  return true;
}

void EventTracker::clear() {
  rule_.reset();
  event_ = {};
  quiet_.reset();
}

}  // namespace uniad
