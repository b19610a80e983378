// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;

// The times of a capture pipeline start anew each time it does; the media's source stamps with the time of
// arrival what carries none.
GstSample *without_times(GstSample *sample) {
  g_autoptr(GstBuffer) buffer =
      gst_buffer_copy(gst_sample_get_buffer(sample));  // the picture itself is shared
  GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  return gst_sample_new(buffer, gst_sample_get_caps(sample), nullptr, nullptr);
}

// Before it plays, a source has no base time, or that of before a pause: what arrives then would be stamped
// hours ahead, and viewers would wait for that hour.
bool can_stamp(GstElement *source) {
  GstState state = GST_STATE_NULL;
  gst_element_get_state(source, &state, nullptr, 0);
  return state == GST_STATE_PLAYING;
}

void push_to(GWeakRef *viewers, GstSample *sample) {
  g_autoptr(GstElement) source = GST_ELEMENT(g_weak_ref_get(viewers));
  if (source == nullptr || !can_stamp(source)) return;
  g_autoptr(GstSample) stripped = without_times(sample);
  gst_app_src_push_sample(GST_APP_SRC(source),
                          stripped);  // a media that is closing refuses it, which is fine
}

}  // namespace

Relay::Relay() : newest_(Clock::now() - std::chrono::hours(1)) {
  g_weak_ref_init(&viewers_, nullptr);
  gst_video_info_set_format(&format_, GST_VIDEO_FORMAT_I420, 640, 360);
  GST_VIDEO_INFO_FPS_N(&format_) = 10;
}

Relay::~Relay() {
  g_weak_ref_clear(&viewers_);
}

void Relay::set_viewers(GstAppSrc *source) {
  g_weak_ref_set(&viewers_, source);
}

void Relay::push(GstSample *camera_frame) {
  {
    const std::lock_guard lock(mutex_);
    gst_video_info_from_caps(&format_, gst_sample_get_caps(camera_frame));
    newest_ = Clock::now();
  }
  push_to(&viewers_, camera_frame);
}

void Relay::push_placeholder(GstSample *picture) {
  if (!is_live()) push_to(&viewers_, picture);
}

Clock::duration Relay::age() const {
  const std::lock_guard lock(mutex_);
  return Clock::now() - newest_;
}

bool Relay::is_live() const {
  return age() < std::chrono::seconds(2);
}

GstVideoInfo Relay::format() const {
  const std::lock_guard lock(mutex_);
  return format_;
}

}  // namespace uniad::rtsp
