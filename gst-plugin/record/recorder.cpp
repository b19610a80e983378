// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/recorder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gst-plugin/events/wall_clock.h"
#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

namespace {

std::shared_ptr<GstBuffer> kept(GstBuffer *buffer) {
  // A pool has few buffers, which the encoder needs.
  const bool is_from_pool = buffer->pool != nullptr;
  return {is_from_pool ? gst_buffer_copy_deep(buffer) : gst_buffer_ref(buffer), gst_buffer_unref};
}

GstClockTime captured(GstBuffer *buffer) {
  const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(buffer);
  if (meta != nullptr && meta->time_source != GST_ANOMALY_TIME_UNKNOWN) return meta->time;
  return camera_or_arrival_time(buffer).time;
}

}  // namespace

Recorder::Recorder(const RecordSettings &settings, std::unique_ptr<ClipWriter> clips,
                   std::unique_ptr<SegmentCutter> segments)
    : settings_(settings),
      clips_(std::move(clips)),
      segments_(std::move(segments)),
      pre_roll_(settings.pre_roll, static_cast<std::size_t>(settings.pre_roll_size)) {}

Recorder::~Recorder() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(settings_.drain_time);
  if (clips_) clips_->close();
  if (segments_) segments_->writer().stop(deadline);
  if (clips_) clips_->stop(deadline);
}

void Recorder::begin_clip(const Event &event) {
  clip_ = std::make_unique<OpenClip>();
  Clip clip;
  clip.source = event.source;
  clip.events = {event.id};
  clip.time = event.begin.time;
  if (!clips_->begin(std::move(clip))) {
    clip_.reset();
    cut_.insert(event.id);
    return;
  }
  for (const EncodedFrame &frame : pre_roll_.frames()) record(frame);
}

void Recorder::end_clip(std::vector<Event> events) {
  clips_->end(std::move(events));
  clip_.reset();
}

void Recorder::take(const Event &event) {
  if (keeps_results())
    for (Event &state : ledger_.take(event, /*at_once=*/true)) new_events_.push_back(std::move(state));
  if (segments_) segments_->set_source(event.source);
  if (clips_) follow_clip(event);
}

void Recorder::follow_clip(const Event &event) {
  if (event.state == GST_ANOMALY_EVENT_END) {
    cut_.erase(event.id);
    if (!clip_ || clip_->events.erase(event.id) == 0 || !clip_->events.empty()) return;
    if (GST_CLOCK_TIME_IS_VALID(newest_))
      clip_->end = newest_ + settings_.post_roll;
    else
      end_clip(new_events_);
    return;
  }
  if (cut_.contains(event.id)) return;
  if (!clip_)
    begin_clip(event);
  else if (!clip_->events.contains(event.id))
    clips_->join(event.id);
  if (!clip_) return;
  clip_->events.insert(event.id);
  clip_->end = GST_CLOCK_TIME_NONE;
}

void Recorder::record(const EncodedFrame &frame) {
  const bool continues = clip_->stretch == frame.stretch;
  if (!continues && !frame.is_key) return;
  const GstClockTime shown = GST_BUFFER_PTS(frame.buffer.get());
  if (frame.is_key) {
    clip_->stretch = frame.stretch;
    clip_->key_shown = shown;
    clip_->key_follows_gap = !continues;
  }
  // In an open group of pictures, the frames that are shown before the key frame refer to the previous group.
  const bool are_known = GST_CLOCK_TIME_IS_VALID(shown) && GST_CLOCK_TIME_IS_VALID(clip_->key_shown);
  if (clip_->key_follows_gap && are_known && shown < clip_->key_shown) return;
  if (!GST_CLOCK_TIME_IS_VALID(clip_->begin)) clip_->begin = frame.time;
  if (!clips_->add(frame)) clip_->stretch.reset();
}

// Frames are shown in another order than they are decoded in.
bool Recorder::jumps_back(GstBuffer *buffer) const {
  constexpr GstClockTime longest_reordering = 10 * GST_SECOND;
  if (!GST_CLOCK_TIME_IS_VALID(newest_)) return false;
  if (GST_BUFFER_DTS_IS_VALID(buffer)) return GST_BUFFER_DTS(buffer) < newest_;
  return GST_BUFFER_PTS(buffer) + longest_reordering < newest_;
}

// Elements upstream may have dropped events; the results of frames tell of them, too.
void Recorder::take_results(GstBuffer *buffer) {
  gpointer position = nullptr;
  while (GstMeta *item = gst_buffer_iterate_meta_filtered(buffer, &position, GST_ANOMALY_META_API_TYPE)) {
    const auto &meta = *reinterpret_cast<GstAnomalyMeta *>(item);
    const GstClockTime pts = GST_CLOCK_TIME_IS_VALID(meta.pts) ? meta.pts : GST_BUFFER_PTS(buffer);
    for (Event &state : ledger_.take(meta, pts, /*at_once=*/true).before)
      new_events_.push_back(std::move(state));
    if (segments_) segments_->set_source(meta.source);
  }
}

EncodedFrame Recorder::frame_of(GstBuffer *buffer, GstClockTime time) {
  const bool is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  EncodedFrame frame{kept(buffer), stretch_, time, is_key};
  if (segments_) frame.captured = captured(buffer);
  if (!new_events_.empty())
    frame.events = std::make_shared<const std::vector<Event>>(std::exchange(new_events_, {}));
  return frame;
}

void Recorder::take(GstBuffer *buffer) {
  const GstClockTime time = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!stretch_ || !GST_CLOCK_TIME_IS_VALID(time)) return;
  if (jumps_back(buffer)) begin_stretch({});
  if (keeps_results()) take_results(buffer);
  newest_ = GST_CLOCK_TIME_IS_VALID(newest_) ? std::max(newest_, time) : time;
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->end) && time >= clip_->end) end_clip({});
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->begin) && time >= clip_->begin + settings_.max_duration) {
    cut_.merge(clip_->events);
    end_clip({});
  }
  const EncodedFrame frame = frame_of(buffer, time);
  if (clips_) pre_roll_.add(frame);
  if (clip_) record(frame);
  if (segments_) segments_->take(frame);
}

void Recorder::change_to(GstCaps *caps) {
  if (stretch_ && gst_caps_is_equal(stretch_->caps.get(), caps) != FALSE) return;
  stretch_ = std::make_shared<const Stretch>(caps);
}

void Recorder::begin_stretch(const std::vector<Event> &events_before) {
  if (stretch_) stretch_ = std::make_shared<const Stretch>(stretch_->caps.get());
  pre_roll_.clear();
  newest_ = GST_CLOCK_TIME_NONE;
  if (segments_) segments_->interrupt(events_before);
  if (clip_) clip_->begin = GST_CLOCK_TIME_NONE;
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->end)) end_clip(events_before);
}

void Recorder::interrupt() {
  begin_stretch(std::exchange(new_events_, {}));
}

void Recorder::close(const char *reason) {
  for (Event &state : ledger_.close(reason)) new_events_.push_back(std::move(state));
  if (clip_) end_clip(new_events_);
  if (segments_) segments_->interrupt(new_events_);
  new_events_.clear();
  cut_.clear();
  pre_roll_.clear();
}

}  // namespace uniad
