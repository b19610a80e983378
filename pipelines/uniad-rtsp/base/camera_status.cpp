// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/base/camera_status.h"

#include <algorithm>
#include <utility>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad::rtsp {

const char *name_of(CameraState state) {
  switch (state) {
    case CameraState::starting:
      return "starting";
    case CameraState::online:
      return "online";
    case CameraState::no_signal:
      return "no-signal";
    case CameraState::ended:
      break;
  }
  return "ended";
}

double LearningProgress::share() const {
  if (state == "done" || state == "saved" || state == "unsaved") return 1;
  const auto of = [](std::uint64_t part, std::uint64_t whole) {
    return whole > 0 ? std::min(1.0, static_cast<double>(part) / static_cast<double>(whole)) : 1.0;
  };
  return std::min(of(frames, wanted_frames), of(time, wanted_time));
}

void CameraStatus::note_frame(GstSample *frame) {
  GstBuffer *buffer = gst_sample_get_buffer(frame);
  const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(buffer);
  std::vector<FrameTaker> takers;
  {
    const std::lock_guard lock(mutex_);
    ++figures_.frames;
    figures_.state = CameraState::online;
    figures_.reason.clear();
    GstVideoInfo format;
    if (gst_video_info_from_caps(&format, gst_sample_get_caps(frame)) != FALSE) figures_.format = format;
    if (meta != nullptr) note_result(*meta, GST_BUFFER_PTS(buffer));
    takers.swap(takers_);
  }
  for (const auto &taker : takers) taker(frame);
}

void CameraStatus::note_result(const GstAnomalyMeta &meta, GstClockTime pts) {
  NewestResult result;
  result.score = meta.score;
  if (meta.has_threshold != FALSE) result.threshold = meta.threshold;
  result.is_anomalous = meta.anomalous != FALSE;
  if (meta.has_motion != FALSE) result.motion_score = meta.motion_score;
  figures_.newest = result;

  // Frames that repeat a result are older than the frame that it is of, by its age.
  const bool is_dated = GST_CLOCK_TIME_IS_VALID(meta.age) && GST_CLOCK_TIME_IS_VALID(pts) && pts >= meta.age;
  const GstClockTime judged = is_dated ? pts - meta.age : GST_CLOCK_TIME_NONE;
  const std::string session = meta.session != nullptr ? meta.session : "";
  const bool is_repeated = is_dated ? judged == newest_judged_ && session == newest_session_ : meta.age != 0;
  newest_judged_ = judged;
  newest_session_ = session;
  if (is_repeated) return;
  ++figures_.judged;
  if (result.is_anomalous) ++figures_.anomalous;
}

void CameraStatus::beat() {
  moved_ = std::chrono::steady_clock::now();
}

void CameraStatus::set_state(CameraState state, const std::string &reason) {
  const std::lock_guard lock(mutex_);
  figures_.state = state;
  figures_.reason = reason;
}

void CameraStatus::note_silence() {
  const std::lock_guard lock(mutex_);
  if (figures_.state != CameraState::online) return;  // it stays what it was
  figures_.state = CameraState::no_signal;
  figures_.reason = "no frame arrives";
}

void CameraStatus::note_reconnect() {
  const std::lock_guard lock(mutex_);
  ++figures_.reconnects;
}

void CameraStatus::note_message(GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT) return;
  const GstStructure *fields = gst_message_get_structure(message);
  if (const auto event = event_of(fields)) note_event(*event);
  if (gst_structure_has_name(fields, "uniad-learn") != FALSE) note_learning(fields);
}

void CameraStatus::note_event(const Event &event) {
  events_.note(camera_, event);
  if (event.state != GST_ANOMALY_EVENT_BEGIN) return;
  const std::lock_guard lock(mutex_);
  ++figures_.events[event.kind];
}

void CameraStatus::note_learning(const GstStructure *fields) {
  LearningProgress progress;
  const char *state = gst_structure_get_string(fields, "state");
  progress.state = state != nullptr ? state : "";
  gst_structure_get_uint64(fields, "frames", &progress.frames);
  gst_structure_get_uint64(fields, "wanted", &progress.wanted_frames);
  gst_structure_get_uint64(fields, "time", &progress.time);
  gst_structure_get_uint64(fields, "wanted-time", &progress.wanted_time);
  const std::lock_guard lock(mutex_);
  figures_.learning = progress;
}

void CameraStatus::note_elements(const ElementFigures &newest) {
  const std::lock_guard lock(mutex_);
  figures_.elements = newest;
}

void CameraStatus::note_end_of_pipeline() {
  const std::lock_guard lock(mutex_);
  past_elements_.skipped += figures_.elements.skipped;
  past_elements_.lost += figures_.elements.lost;
  figures_.elements.skipped = 0;
  figures_.elements.lost = 0;
  figures_.elements.queued = 0;
}

std::optional<LearnOrder> CameraStatus::take_learn_order() {
  const std::lock_guard lock(mutex_);
  return std::exchange(learn_order_, std::nullopt);
}

CameraFigures CameraStatus::figures() const {
  CameraFigures figures;
  {
    const std::lock_guard lock(mutex_);
    figures = figures_;
    figures.elements.skipped += past_elements_.skipped;
    figures.elements.lost += past_elements_.lost;
  }
  figures.dropped = dropped_;
  return figures;
}

std::chrono::steady_clock::duration CameraStatus::silence() const {
  return std::chrono::steady_clock::now() - moved_.load();
}

void CameraStatus::order_learning(const LearnOrder &order) {
  const std::lock_guard lock(mutex_);
  learn_order_ = order;
}

void CameraStatus::await_frame(FrameTaker taker) {
  const std::lock_guard lock(mutex_);
  takers_.push_back(std::move(taker));
}

}  // namespace uniad::rtsp
