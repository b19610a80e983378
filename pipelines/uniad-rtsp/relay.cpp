// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/relay.h"

#include <algorithm>

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds time_for_format{10};
constexpr seconds shortest_silence{2};  // that viewers are told of
constexpr int overdue = 3;              // so many of its own intervals without a frame
constexpr double forgetting = 0.95;     // of a long interval, with each shorter one

// The times of a capture pipeline start anew each time it does; the media's source stamps with the time of
// arrival what carries none.
GstSample *without_times(GstSample *sample, GstCaps *caps) {
  g_autoptr(GstBuffer) buffer =
      gst_buffer_copy(gst_sample_get_buffer(sample));  // the picture itself is shared
  GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  return gst_sample_new(buffer, caps, nullptr, nullptr);
}

// Before it plays, a source has no base time, or that of before a pause: what arrives then would be stamped
// hours ahead, and viewers would wait for that hour.
bool can_stamp(GstElement *source) {
  GstState state = GST_STATE_NULL;
  gst_element_get_state(source, &state, nullptr, 0);
  return state == GST_STATE_PLAYING;
}

void push_to(GWeakRef *viewers, GstSample *sample, GstCaps *caps) {
  g_autoptr(GstElement) source = GST_ELEMENT(g_weak_ref_get(viewers));
  if (source == nullptr || !can_stamp(source)) return;
  g_autoptr(GstSample) stripped = without_times(sample, caps);
  gst_app_src_push_sample(GST_APP_SRC(source),
                          stripped);  // a media that is closing refuses it, which is fine
}

}  // namespace

Relay::Relay(std::chrono::nanoseconds timeout)
    : made_(Clock::now()), timeout_(timeout), newest_(made_ - std::chrono::hours(48)) {
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

void Relay::begin() {
  const std::lock_guard lock(mutex_);
  frames_ = 0;
}

void Relay::push(GstSample *camera_frame) {
  GstCaps *caps = gst_sample_get_caps(camera_frame);
  {
    const std::lock_guard lock(mutex_);
    gst_video_info_from_caps(&format_, caps);
    const auto now = Clock::now();
    const std::chrono::duration<double> kept = interval_;
    if (frames_++ > 0)
      interval_ = std::max(now - newest_, std::chrono::duration_cast<Clock::duration>(kept * forgetting));
    newest_ = now;
    is_format_known_ = true;
  }
  format_known_.notify_all();
  push_to(&viewers_, camera_frame, caps);
}

void Relay::push_placeholder(GstSample *picture) {
  if (is_live()) return;
  // It comes at a rate of its own where the camera has none, which is nothing that the encoder must know.
  const GstVideoInfo camera = format();
  g_autoptr(GstCaps) caps = gst_caps_copy(gst_sample_get_caps(picture));
  gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, camera.fps_n, camera.fps_d, nullptr);
  push_to(&viewers_, picture, caps);
}

unsigned Relay::frames() const {
  const std::lock_guard lock(mutex_);
  return frames_;
}

Clock::duration Relay::age() const {
  const std::lock_guard lock(mutex_);
  return Clock::now() - newest_;
}

Clock::duration Relay::patience() const {
  const std::lock_guard lock(mutex_);
  return std::max<Clock::duration>(timeout_, overdue * interval_);
}

bool Relay::is_live() const {
  const std::lock_guard lock(mutex_);
  const bool is_rate_known = interval_ > Clock::duration::zero();
  const Clock::duration longest =
      is_rate_known ? std::max<Clock::duration>(shortest_silence, overdue * interval_) : timeout_;
  return Clock::now() - newest_ < longest;
}

GstVideoInfo Relay::format() const {
  const std::lock_guard lock(mutex_);
  return format_;
}

void Relay::wait_for_format() const {
  std::unique_lock lock(mutex_);
  format_known_.wait_until(lock, made_ + time_for_format,
                           [this] { return is_format_known_ || has_given_up_; });
}

void Relay::give_up() {
  {
    const std::lock_guard lock(mutex_);
    has_given_up_ = true;
  }
  format_known_.notify_all();
}

}  // namespace uniad::rtsp
