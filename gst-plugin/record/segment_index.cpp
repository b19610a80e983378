// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/segment_index.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "gst-plugin/events/wall_clock.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/base/json_text.h"

namespace uniad {

namespace {

// Enough to find the begin of an event, which is confirmed a little later.
constexpr std::size_t spans_kept = 16;

nlohmann::ordered_json moment_of(GstClockTime pts, GstClockTime time) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (GST_CLOCK_TIME_IS_VALID(pts)) json["pts"] = pts;
  if (GST_CLOCK_TIME_IS_VALID(time)) json["time"] = rfc3339(time);
  return json;
}

}  // namespace

// Events are about the detector's timestamps, which an encoder may have shifted since.
void SegmentIndex::learn_shift(GstClockTime shown, GstClockTime at_detector, const EncodedFrame &frame) {
  if (!GST_CLOCK_TIME_IS_VALID(at_detector)) return;
  shift_ = GST_CLOCK_DIFF(at_detector, shown);
  shift_of_ = frame.stretch;
}

GstClockTime SegmentIndex::at_detector(GstClockTime shown) const {
  const GstClockTimeDiff shift = shift_.value_or(0);
  if (shift >= 0)
    return shown >= static_cast<GstClockTime>(shift) ? shown - static_cast<GstClockTime>(shift) : 0;
  return shown + static_cast<GstClockTime>(-shift);
}

std::optional<FilePlace> SegmentIndex::place_of(GstClockTime pts) const {
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return std::nullopt;
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    if (span->stretch != spans_.back().stretch || pts < at_detector(span->first)) continue;
    if (pts < at_detector(span->end) || pts <= at_detector(span->last))
      return FilePlace{span->file, pts - at_detector(span->first)};
  }
  return std::nullopt;
}

std::string SegmentIndex::segment_line(const Clip &segment, const char *state) const {
  const Span &span = spans_.back();
  nlohmann::ordered_json json{{"version", 1}, {"type", "segment"}, {"source", segment.source}};
  nlohmann::ordered_json body{{"file", span.file}, {"state", state}};
  body["begin"] = moment_of(at_detector(span.first), span.begin_time);
  if (segment.frames > 0) {
    body["end"] = moment_of(at_detector(span.end), span.end_time);
    body["duration"] = span.end - span.first;
    body["frames"] = segment.frames;
    body["bytes"] = segment.bytes;
  }
  json["segment"] = std::move(body);
  return json_text(json);
}

void SegmentIndex::open(const Clip &segment, const EncodedFrame &first) {
  const GstClockTime shown = first.shown();
  if (shift_of_ != first.stretch) shift_.reset();
  if (const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(first.buffer.get()))
    learn_shift(shown, meta->pts, first);
  spans_.push_back({std::filesystem::path(segment.path).filename().string(), shown, shown, shown,
                    first.captured, first.captured, first.stretch});
  if (spans_.size() > spans_kept) spans_.pop_front();
  file_.append(segment_line(segment, "begin"));
}

void SegmentIndex::add(const EncodedFrame &frame) {
  Span &span = spans_.back();
  const GstClockTime shown = frame.shown();
  const GstClockTime duration =
      GST_BUFFER_DURATION_IS_VALID(frame.buffer.get()) ? GST_BUFFER_DURATION(frame.buffer.get()) : 0;
  // In an open group of pictures, frames that are shown before the key frame follow it.
  span.first = std::min(span.first, shown);
  span.end = std::max(span.end, shown + duration);
  if (shown >= span.last) {
    span.last = shown;
    if (GST_CLOCK_TIME_IS_VALID(frame.captured)) span.end_time = frame.captured + duration;
  }
  if (const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(frame.buffer.get()))
    learn_shift(shown, meta->pts, frame);
  else if (frame.events && !shift_)
    learn_shift(shown, frame.events->front().frame_pts, frame);
  if (frame.events) add(*frame.events);
}

void SegmentIndex::add(const std::vector<Event> &events) {
  for (const Event &event : events) {
    if (event.state == GST_ANOMALY_EVENT_ONGOING) continue;
    EventPlaces places;
    const auto begin = begins_.find(event.id);
    places.begin = begin != begins_.end() ? begin->second : place_of(event.begin.pts);
    if (event.state == GST_ANOMALY_EVENT_END) {
      places.end = place_of(event.moment.pts);
      begins_.erase(event.id);
    } else {
      begins_[event.id] = places.begin;
    }
    file_.append(event_json(event, {}, places));
  }
}

void SegmentIndex::finish(const Clip &segment) {
  file_.append(segment_line(segment, "end"));
  file_.tidy();
}

}  // namespace uniad
