// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/stream_detector.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <iterator>
#include <utility>

#include "gst-plugin/detect/debug.h"
#include "gst-plugin/detect/health_signals.h"
#include "gst-plugin/events/wall_clock.h"
#include "model/file/provenance.h"
#include "model/scoring/event_rule.h"

namespace uniad {
namespace {

std::string new_uuid() {
  gchar *text = g_uuid_string_random();
  std::string uuid = text;
  g_free(text);
  return uuid;
}

MotionUse motion_use(GstUniadDetectMotion motion) {
  return motion == GST_UNIAD_DETECT_MOTION_OFF ? MotionUse::Off : MotionUse::Auto;
}

// 0 if the stream does not have a frame rate.
double judged_a_second(const GstVideoInfo &info, const DetectSettings &settings) {
  const double rate =
      static_cast<double>(info.fps_n) / std::max(info.fps_d, 1) / std::max(settings.interval, 1U);
  return settings.max_rate > 0 ? std::min(rate, settings.max_rate) : rate;
}

}  // namespace

StreamDetector::StreamDetector(GstBaseTransform *element, std::shared_ptr<Detector> detector,
                               GstUniadDetectMode mode, bool begins_model, DetectFigures &figures)
    : element_(element),
      figures_(figures),
      detector_(std::move(detector)),
      mode_(mode),
      begins_model_(begins_model),
      events_(new_uuid()) {}

void StreamDetector::set_info(const GstVideoInfo &info, std::shared_ptr<CudaFrames> in_gpu_memory) {
  info_ = info;
  in_gpu_memory_ = std::move(in_gpu_memory);
  frames_to_next_ = 0;
}

void StreamDetector::begin_stream() {
  begin_session();
  live_.reset();
}

void StreamDetector::finish() {
  if (background_) background_->finish();
  detector_->end_learning();
}

// Reports states of events: to the application by messages, and to the elements downstream by serialized
// events, which come before the next frame.
void StreamDetector::post(const std::vector<Event> &states, const DetectSettings &settings) {
  for (const Event &event : states) {
    GST_INFO_OBJECT(element_, "%s %s: %s %s", event.kind.c_str(), event.id.c_str(), name_of(event.state),
                    event.reason.c_str());
    if (settings.post_messages)
      gst_element_post_message(GST_ELEMENT(element_),
                               gst_message_new_element(GST_OBJECT(element_), event_structure(event)));
    gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_),
                       gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, event_structure(event)));
  }
}

void StreamDetector::forget(const char *reason, const DetectSettings &settings) {
  post(events_.end(reason), settings);
  if (background_) background_->clear();
  frames_to_next_ = 0;
  verdict_.reset();
  health_.reset();
  motion_.reset();
}

void StreamDetector::begin_session() {
  events_ = EventTracker(new_uuid());
}

// Reports another latency to the pipeline if the duration of a detection has changed much.
void StreamDetector::update_latency(GstClockTime duration) {
  mean_duration_ = mean_duration_ ? (*mean_duration_ * 7 + duration) / 8 : duration;
  const GstClockTime reported = figures_.latency;
  if (*mean_duration_ <= reported && *mean_duration_ >= reported / 2) return;
  figures_.latency = *mean_duration_ + *mean_duration_ / 4;
  GST_DEBUG_OBJECT(element_, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(figures_.latency.load()));
  gst_element_post_message(GST_ELEMENT(element_), gst_message_new_latency(GST_OBJECT(element_)));
}

std::unique_ptr<MappedFrame> StreamDetector::map_or_warn(GstBuffer *buffer) {
  auto frame = in_gpu_memory_ ? in_gpu_memory_->map(buffer, info_) : map_frame(buffer, info_);
  if (!frame) {
    frames_to_next_ = 0;
    if (!std::exchange(warned_of_buffers_, true))
      GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                          ("Buffer does not match its caps; skipped. All such buffers will be skipped."),
                          ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    GST_DEBUG_OBJECT(element_, "buffer of %" G_GSIZE_FORMAT " bytes, unjudged", gst_buffer_get_size(buffer));
    return nullptr;
  }
  frame->taken_at(newest_.elapsed);
  frame->set_motion(motion_.measured());
  return frame;
}

std::optional<TimedDetection> StreamDetector::detect(GstBuffer *buffer, const FrameTime &time) {
  const auto frame = map_or_warn(buffer);
  if (!frame) return std::nullopt;
  const GstClockTime begin = gst_util_get_timestamp();
  detector_->detect({&frame->view(), 1}, detections_);
  Detection &detection = detections_.front();
  if (!detection.unjudged) update_latency(gst_util_get_timestamp() - begin);
  return TimedDetection{std::move(detection), time};
}

bool StreamDetector::is_due(const DetectSettings &settings) {
  const guint interval = settings.interval;
  const guint to_next = std::min(frames_to_next_, interval - 1);
  frames_to_next_ = to_next == 0 ? interval - 1 : to_next - 1;
  return to_next == 0 &&
         rate_limit_.allows(static_cast<GstClockTime>(newest_.elapsed.count()), settings.max_rate);
}

// Computes the drift only now and then, because it takes as long as judging a frame by statistics.
void StreamDetector::update_means(const Detection &normal) {
  constexpr guint interval = 50;
  detector_->update_means(normal);
  if (++followed_ % interval == 0) figures_.drift = detector_->drift();
}

// Compares the picture with those that the source was learned from.
void StreamDetector::update_health(const DetectSettings &settings, const TimedDetection &result) {
  auto reference = detector_->health_reference(settings.source);
  const HealthReport &report = health_.update(result.detection.luma, result.frame.elapsed,
                                              settings.health_settings(), reference.get());
  health_reference_ = std::move(reference);  // not before: the old one tells that the new one is another
  figures_.scene_shift = report.shift ? std::hypot(report.shift->x * GST_VIDEO_INFO_WIDTH(&info_),
                                                   report.shift->y * GST_VIDEO_INFO_HEIGHT(&info_))
                                      : -1;
}

// Whether the frames are a stream, and not separate pictures.
bool StreamDetector::has_time(const FrameTime &frame) const {
  return *live_ || info_.fps_n > 0 || GST_CLOCK_TIME_IS_VALID(frame.running_time);
}

// Frames in the memory of a GPU would have to be copied.
void StreamDetector::update_motion(const DetectSettings &settings, GstBuffer *buffer) {
  if (!has_time(newest_) || !motion_.is_wanted(*detector_, settings)) return;
  if (in_gpu_memory_) {
    const bool is_wanted = settings.motion == GST_UNIAD_DETECT_MOTION_ON || settings.stopped;
    if (!is_wanted || std::exchange(warned_of_motion_, true)) return;
    GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                        ("Motion is not judged in frames in the memory of a GPU. Put \"cudadownload\" before "
                         "this element, or set motion=off and stopped=false."),
                        (nullptr));
    return;
  }
  const auto frame = map_frame(buffer, info_);
  if (!frame) return;
  motion_.add(frame->view(), newest_.elapsed, zones_ ? &zones_->zones : nullptr, settings);
}

void StreamDetector::update_events(const DetectSettings &settings, const FrameTime &frame) {
  const bool is_stream = has_time(frame);
  const EventRules rules = settings.event_rules(*live_, is_stream);
  std::vector<Signal> signals = signals_of(*verdict_, rules);
  if (is_stream) {
    std::ranges::move(motion_.take_signals(rules), std::back_inserter(signals));
    hold_back(signals, health_.report());
    std::ranges::move(health_signals(health_.report(), settings.health_settings().kinds,
                                     GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_)),
                      std::back_inserter(signals));
  }
  post(events_.advance(signals, frame, settings.source, newest_.moment.pts), settings);
}

void StreamDetector::warn_about_unknown_source(const DetectSettings &settings,
                                               const Calibration &calibration) {
  if (!checked_sources_.insert(settings.source).second) return;
  const std::string unknown = unknown_source(calibration, settings.source, settings.source_is_set);
  if (unknown.empty()) return;
  GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                      ("%s: %s. Set the property 'source' to one that is known, or learn this one: "
                       "learn-time=30000000000.",
                       settings.model.c_str(), unknown.c_str()),
                      (nullptr));
}

// The network resizes all pictures to one shape, so pictures with another aspect ratio look distorted to it.
void StreamDetector::warn_about_aspect_ratio(const DetectSettings &settings) {
  const double learned = detector_->aspect_ratio(settings.source);
  if (warned_of_shape_ || !(learned > 0)) return;
  const double stored = static_cast<double>(GST_VIDEO_INFO_WIDTH(&info_)) / GST_VIDEO_INFO_HEIGHT(&info_);
  const double shown = stored * GST_VIDEO_INFO_PAR_N(&info_) / GST_VIDEO_INFO_PAR_D(&info_);
  if (same_aspect_ratio(stored, learned) || same_aspect_ratio(shown, learned)) return;
  warned_of_shape_ = true;
  GST_ELEMENT_WARNING(
      element_, STREAM, FORMAT,
      ("The frames of \"%s\" are %.2f times as wide as high, those that it was learned from %.2f "
       "times: they may look abnormal for that alone. Give the stream the shape that was learned "
       "(videocrop, aspectratiocrop, or no borders), or learn from it as it is.",
       settings.source.c_str(), stored, learned),
      (nullptr));
}

// uniad train applies the orientation tag, so pictures that are not rotated look different from those
// learned.
void StreamDetector::warn_about_orientation(GstEvent *event) {
  GstTagList *tags = nullptr;
  gst_event_parse_tag(event, &tags);
  const gchar *orientation = nullptr;
  if (!gst_tag_list_peek_string_index(tags, GST_TAG_IMAGE_ORIENTATION, 0, &orientation) ||
      g_str_equal(orientation, "rotate-0") || std::exchange(warned_of_orientation_, true))
    return;
  GST_ELEMENT_WARNING(
      element_, STREAM, FORMAT,
      ("The stream says that its pictures are to be turned (image-orientation: %s). uniad train "
       "learns them turned: put \"videoflip video-direction=auto\" before this element, unless "
       "something else turns them.",
       orientation),
      (nullptr));
}

// Returns whether there is a new verdict.
bool StreamDetector::judge(const DetectSettings &settings, TimedDetection result) {
  if (result.detection.unjudged) return false;
  if (!std::isfinite(result.detection.score)) {
    if (no_numbers_++ == 0)
      GST_ELEMENT_WARNING(
          element_, STREAM, FAILED,
          ("The score of a frame is not finite; the frame passes without a result. If this happens again, "
           "\"%s\" is damaged.",
           settings.model.c_str()),
          (nullptr));
    GST_DEBUG_OBJECT(element_, "frame %" G_GUINT64_FORMAT " without a score", no_numbers_);
    return false;
  }
  const auto calibration = detector_->calibration();
  const auto *normal = calibration->find(settings.source);
  std::optional<double> threshold;
  if (settings.threshold >= 0)
    threshold = settings.threshold;
  else if (normal != nullptr)
    threshold = normal->threshold;

  if (!threshold && !std::exchange(warned_, true)) {
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                        ("\"%s\" has no calibration: no frame will be anomalous. Train with enough normal "
                         "footage to hold some out, or set the property 'threshold'.",
                         settings.model.c_str()),
                        (nullptr));
  }
  if (settings.threshold < 0) warn_about_unknown_source(settings, *calibration);
  warn_about_aspect_ratio(settings);
  update_health(settings, result);
  zones_ = result.detection.zones;
  motion_.learns(false);
  Detection seen;
  seen.frame_id = result.detection.frame_id;
  verdict_ = uniad::judge(std::move(result.detection), threshold, normal);
  if (threshold && !verdict_->anomalous && !health_.report().holds_anomalies_back) update_means(seen);
  judged_at_ = result.frame.running_time;
  update_events(settings, result.frame);
  GST_LOG_OBJECT(element_, "score %f", verdict_->score);
  return true;
}

void StreamDetector::mark(const DetectSettings &settings, GstBuffer *buffer, GstClockTime age) {
  GstAnomalyMeta *meta = uniad::mark(buffer, info_, settings.source, *verdict_, motion_.newest(), age);
  gst_anomaly_meta_set_session(meta, events_.session().c_str());
  gst_anomaly_meta_set_time(meta, newest_.moment.time, newest_.time_source);
  set_event(meta, events_.event());
}

// Begins to learn if the application or a property has asked for it.
void StreamDetector::begin_learning(const DetectSettings &settings, LearningSession &learning) {
  const auto next = learning.take();
  if (!next) return;
  const bool once = next->of_start && (settings.learn_once || begins_model_);
  forget("changed", settings);
  try {
    const bool begins = detector_->learn(
        {settings.source, next->request.frames, std::chrono::nanoseconds(next->request.time),
         judged_a_second(info_, settings), motion_use(settings.motion), once, !background_ && !*live_});
    motion_.learns(begins);
    if (begins) return;
    GST_INFO_OBJECT(element_, "the model has learned from %s before", settings.source.c_str());
    learning.known();
  } catch (const std::exception &error) {  // detection continues as before
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("%s", error.what()), (nullptr));
    learning.refused();
  }
}

// The time since the previous frame of a stream without timestamps: the duration of a frame, or, if that is
// not known and the stream is live, the time that has passed.
GstClockTime StreamDetector::step_without_timestamps(GstBuffer *buffer, GstClockTime since_arrival) {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (info_.fps_n > 0 && info_.fps_d > 0)
    return gst_util_uint64_scale_int(GST_SECOND, info_.fps_d, info_.fps_n);
  return *live_ ? since_arrival : GST_SECOND / assumed_frame_rate;
}

// The time since a live source captured the frame, by the clock of the pipeline; 0 if that is not known.
GstClockTime StreamDetector::age_of_frame(GstClockTime running_time) const {
  constexpr GstClockTime longest = 60 * GST_SECOND;  // older ones are not of this clock
  const GstClockTime now = gst_element_get_current_running_time(GST_ELEMENT(element_));
  const bool known = GST_CLOCK_TIME_IS_VALID(running_time) && GST_CLOCK_TIME_IS_VALID(now);
  return known && now > running_time && now - running_time < longest ? now - running_time : 0;
}

// Takes the time of the next frame.
void StreamDetector::advance_time(GstBuffer *buffer) {
  const GstSegment &segment = element_->segment;
  const GstClockTime before = newest_.running_time;
  const GstClockTime arrival = gst_util_get_timestamp();
  const GstClockTime since_arrival = arrival - std::exchange(arrival_, arrival).value_or(arrival);
  const GstClockTime now =
      segment.format == GST_FORMAT_TIME
          ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer))
          : GST_CLOCK_TIME_NONE;
  const bool known = GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(before) && now > before;
  newest_.elapsed +=
      std::chrono::nanoseconds(known ? now - before : step_without_timestamps(buffer, since_arrival));
  const WallTime wall = camera_or_arrival_time(buffer, *live_ ? age_of_frame(now) : 0);
  newest_.running_time = now;
  newest_.moment = {GST_BUFFER_PTS(buffer), wall.time};
  newest_.time_source = wall.source;
}

StreamDetector::Upstream StreamDetector::ask_upstream() {
  Upstream upstream;
  GstQuery *query = gst_query_new_latency();
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(element_), query)) {
    gboolean live = FALSE;
    gst_query_parse_latency(query, &live, &upstream.latency, nullptr);
    upstream.live = live != FALSE;
  }
  gst_query_unref(query);
  return upstream;
}

// Decides at the first frame whether frames of this stream wait for their results.
void StreamDetector::choose_mode() {
  if (live_) return;
  live_ = ask_upstream().live;
  const bool async = mode_ == GST_UNIAD_DETECT_MODE_ASYNC || (mode_ == GST_UNIAD_DETECT_MODE_AUTO && *live_);
  GST_DEBUG_OBJECT(element_, "%s stream: %s", *live_ ? "live" : "recorded", async ? "async" : "sync");
  if (async == (background_ != nullptr)) return;
  background_ = async ? std::make_unique<BackgroundDetector>(detector_) : nullptr;
}

// If frames of a live stream wait for their results and the network is too slow, they arrive later and later.
// Late frames therefore pass at once with the newest result until others are in time again.
bool StreamDetector::is_late() {
  constexpr GstClockTime bearable = GST_SECOND / 2;  // a stall that is made up for
  const GstClockTime taken = newest_.running_time;
  const GstClockTime now = gst_element_get_current_running_time(GST_ELEMENT(element_));
  if (!*live_ || !GST_CLOCK_TIME_IS_VALID(taken) || !GST_CLOCK_TIME_IS_VALID(now)) return false;
  if (now < taken + bearable || now < taken + bearable + ask_upstream().latency) return false;
  if (!std::exchange(warned_of_lateness_, true))
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("The stream is live and brings frames faster than they can be judged: those that are late pass with "
         "the newest result and its age. Set mode=auto or mode=async, so that no frame waits; or judge fewer "
         "frames (interval, max-rate) or faster (precision=bf16, device=cuda)."),
        ("a frame is %" GST_TIME_FORMAT " old, judging one takes %" GST_TIME_FORMAT,
         GST_TIME_ARGS(now - taken), GST_TIME_ARGS(mean_duration_.value_or(0))));
  return true;
}

void StreamDetector::skip() {
  if (figures_.skipped++ > 0) return;
  GST_ELEMENT_WARNING(element_, STREAM, DECODE,
                      ("A frame is corrupt: it is damaged, or comes before the first key frame. It passes "
                       "without being judged or learned, as all that follow it and are corrupt. The property "
                       "'skipped' counts them."),
                      (nullptr));
}

void StreamDetector::process(GstBuffer *buffer, const DetectSettings &settings, LearningSession &learning) {
  choose_mode();
  begin_learning(settings, learning);
  detector_->set_source(settings.source);
  advance_time(buffer);
  if (has_no_picture(buffer)) return skip();
  const GstClockTime now = newest_.running_time;
  update_motion(settings, buffer);
  const bool due = is_due(settings);

  if (!background_ && due && !is_late()) {
    if (auto result = detect(buffer, newest_)) {
      if (judge(settings, std::move(*result))) mark(settings, buffer, 0);
    }
    return;
  }
  bool is_new = false;
  if (background_) {
    while (auto result = background_->take()) is_new = judge(settings, std::move(*result)) || is_new;
  }
  if (!is_new) events_.repeat();
  if (verdict_) {
    const bool known =
        GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(judged_at_) && now > judged_at_;
    mark(settings, buffer, known ? now - judged_at_ : GST_CLOCK_TIME_NONE);
  }
  // Last, because metadata cannot be added to a buffer that another thread reads.
  if (background_ && due) {
    if (auto frame = map_or_warn(buffer)) background_->offer(std::move(frame), newest_);
  }
}

}  // namespace uniad
