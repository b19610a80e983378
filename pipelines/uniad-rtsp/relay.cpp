// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/relay.h"

#include <algorithm>

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds time_for_format{10};
constexpr seconds shortest_silence{2};  // minimum time without a frame before viewers see the placeholder
constexpr int overdue = 3;              // frame intervals without a frame after which the stream is lost
constexpr double forgetting = 0.95;     // factor by which a long interval decays with each shorter one

// Removes the timestamps, which start over with each capture pipeline. The media's source stamps frames
// without timestamps with the time of their arrival.
GstSample *without_times(GstSample *sample, GstCaps *caps) {
  g_autoptr(GstBuffer) buffer =
      gst_buffer_copy(gst_sample_get_buffer(sample));  // shares the memory of the picture
  GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  return gst_sample_new(buffer, caps, nullptr, nullptr);
}

// Until a source plays, it has no base time, or an outdated one from before a pause. Frames that arrive then
// would be stamped hours ahead, and viewers would wait until that time.
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
                          stripped);  // a media that is closing refuses the frame, which is harmless
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
  // The placeholder has its own frame rate if that of the camera is not known. Its caps state the camera's
  // rate, so that they do not change for the encoder.
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
