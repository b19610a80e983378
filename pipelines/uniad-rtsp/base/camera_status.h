// SPDX-License-Identifier: Apache-2.0
// What is known of a running camera, and what those who watch the server ask of it.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "pipelines/uniad-rtsp/base/event_log.h"
#include "pipelines/uniad-rtsp/base/learn_order.h"

namespace uniad::rtsp {

enum class CameraState {
  starting,   // it has neither delivered a frame nor failed yet
  online,     // it delivers frames
  no_signal,  // it delivers none, and is tried again
  ended,      // a file that is not looped
};
inline constexpr CameraState camera_states[] = {CameraState::starting, CameraState::online,
                                                CameraState::no_signal, CameraState::ended};
const char *name_of(CameraState state);

// Learning as the newest uniad-learn message describes it.
struct LearningProgress {
  std::string state;
  std::uint64_t frames = 0, wanted_frames = 0;
  std::uint64_t time = 0, wanted_time = 0;  // nanoseconds of the stream
  double share() const;                     // 0 to 1
};

// What the elements of one pipeline count.
struct ElementFigures {
  std::uint64_t skipped = 0;  // frames that were not judged because they are damaged
  std::uint64_t lost = 0;     // results that were not published
  std::uint64_t queued = 0;   // results that wait
  double drift = 0;
};

// The newest result of a camera.
struct NewestResult {
  double score = 0;
  std::optional<double> threshold;
  bool is_anomalous = false;
  std::optional<double> motion_score;
};

struct CameraFigures {
  CameraState state = CameraState::starting;
  std::string reason;            // why it is away
  std::uint64_t frames = 0;      // that the camera delivered and viewers could get
  std::uint64_t dropped = 0;     // because judging was too slow
  std::uint64_t judged = 0;      // results, each of which later frames may repeat
  std::uint64_t anomalous = 0;   // of these
  std::uint64_t reconnects = 0;  // attempts after the first
  ElementFigures elements;       // over all pipelines
  std::optional<GstVideoInfo> format;
  std::optional<NewestResult> newest;
  std::optional<LearningProgress> learning;
  std::map<std::string, std::uint64_t> events;  // that began, by their kind
};

// Thread-safe. No call waits for anything but a copy of figures. Must outlive the camera's pipelines.
class CameraStatus {
 public:
  using FrameTaker = std::function<void(GstSample *)>;

  CameraStatus(std::string camera, EventLog &events) : camera_(std::move(camera)), events_(events) {}

  // Streaming threads say what passes.
  void note_frame(GstSample *frame);
  void note_dropped() { ++dropped_; }

  // The thread of the camera says what it does, and that it is not stuck.
  void beat();
  void set_state(CameraState state, const std::string &reason = {});
  void note_silence();  // no frame has come for too long
  void note_reconnect();
  void note_message(GstMessage *message);            // of an event or of learning; others are ignored
  void note_elements(const ElementFigures &newest);  // of the pipeline at work
  void note_end_of_pipeline();                       // the next one counts from zero
  std::optional<LearnOrder> take_learn_order();

  // Others ask.
  CameraFigures figures() const;
  std::chrono::steady_clock::duration silence() const;  // since the camera's thread moved
  void order_learning(const LearnOrder &order);
  // Calls `taker` with the next frame, on the streaming thread, so it must only pass the frame on.
  void await_frame(FrameTaker taker);

 private:
  void note_result(const GstAnomalyMeta &meta, GstClockTime pts);  // with the mutex held
  void note_event(const Event &event);
  void note_learning(const GstStructure *fields);

  const std::string camera_;
  EventLog &events_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::chrono::steady_clock::time_point> moved_{std::chrono::steady_clock::now()};
  mutable std::mutex mutex_;      // guards the following members; held for a copy
  CameraFigures figures_;         // its elements: of the pipeline at work
  ElementFigures past_elements_;  // of the pipelines before
  std::string newest_session_;
  GstClockTime newest_judged_ = GST_CLOCK_TIME_NONE;
  std::optional<LearnOrder> learn_order_;
  std::vector<FrameTaker> takers_;
};

}  // namespace uniad::rtsp
