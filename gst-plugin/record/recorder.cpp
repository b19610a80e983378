// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/recorder.h"

#include <algorithm>
#include <utility>

namespace uniad {

namespace {

std::shared_ptr<GstBuffer> kept(GstBuffer *buffer) {
  // A pool has few buffers, which the encoder needs.
  const bool is_from_pool = buffer->pool != nullptr;
  return {is_from_pool ? gst_buffer_copy_deep(buffer) : gst_buffer_ref(buffer), gst_buffer_unref};
}

}  // namespace

Recorder::Recorder(const RecordSettings &settings, std::unique_ptr<ClipWriter> writer)
    : settings_(settings),
      writer_(std::move(writer)),
      pre_roll_(settings.pre_roll, static_cast<std::size_t>(settings.pre_roll_size)) {}

void Recorder::begin_clip(const Event &event) {
  clip_ = std::make_unique<OpenClip>();
  Clip clip;
  clip.source = event.source;
  clip.events = {event.id};
  clip.time = event.begin.time;
  if (!writer_->begin(std::move(clip))) {
    clip_.reset();
    cut_.insert(event.id);
    return;
  }
  for (const EncodedFrame &frame : pre_roll_.frames()) record(frame);
}

void Recorder::end_clip() {
  writer_->end();
  clip_.reset();
}

void Recorder::take(const Event &event) {
  if (event.state == GST_ANOMALY_EVENT_END) {
    cut_.erase(event.id);
    if (!clip_ || clip_->events.erase(event.id) == 0 || !clip_->events.empty()) return;
    if (GST_CLOCK_TIME_IS_VALID(newest_))
      clip_->end = newest_ + settings_.post_roll;
    else
      end_clip();
    return;
  }
  if (cut_.contains(event.id)) return;
  if (!clip_)
    begin_clip(event);
  else if (!clip_->events.contains(event.id))
    writer_->join(event.id);
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
  if (!writer_->add(frame)) clip_->stretch.reset();
}

// Frames are shown in another order than they are decoded in.
bool Recorder::jumps_back(GstBuffer *buffer) const {
  constexpr GstClockTime longest_reordering = 10 * GST_SECOND;
  if (!GST_CLOCK_TIME_IS_VALID(newest_)) return false;
  if (GST_BUFFER_DTS_IS_VALID(buffer)) return GST_BUFFER_DTS(buffer) < newest_;
  return GST_BUFFER_PTS(buffer) + longest_reordering < newest_;
}

void Recorder::take(GstBuffer *buffer) {
  const GstClockTime time = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!stretch_ || !GST_CLOCK_TIME_IS_VALID(time)) return;
  const bool is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (jumps_back(buffer)) interrupt();
  const EncodedFrame frame{kept(buffer), stretch_, time, is_key};
  newest_ = GST_CLOCK_TIME_IS_VALID(newest_) ? std::max(newest_, time) : time;
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->end) && time >= clip_->end) end_clip();
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->begin) && time >= clip_->begin + settings_.max_duration) {
    cut_.merge(clip_->events);
    end_clip();
  }
  pre_roll_.add(frame);
  if (clip_) record(frame);
}

void Recorder::change_to(GstCaps *caps) {
  if (stretch_ && gst_caps_is_equal(stretch_->caps.get(), caps) != FALSE) return;
  stretch_ = std::make_shared<const Stretch>(caps);
}

void Recorder::interrupt() {
  if (stretch_) stretch_ = std::make_shared<const Stretch>(stretch_->caps.get());
  pre_roll_.clear();
  newest_ = GST_CLOCK_TIME_NONE;
  if (clip_) clip_->begin = GST_CLOCK_TIME_NONE;
  if (clip_ && GST_CLOCK_TIME_IS_VALID(clip_->end)) end_clip();
}

void Recorder::close() {
  if (clip_) end_clip();
  cut_.clear();
  pre_roll_.clear();
}

}  // namespace uniad
