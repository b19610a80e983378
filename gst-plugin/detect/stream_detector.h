// SPDX-License-Identifier: Apache-2.0
// Runs the frames of one stream through the detector, from start to stop.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gst-plugin/base/rate_limit.h"
#include "gst-plugin/detect/background_detector.h"
#include "gst-plugin/detect/event_tracker.h"
#include "gst-plugin/detect/learning_session.h"
#include "gst-plugin/detect/settings.h"
#include "gst-plugin/detect/stream_motion.h"
#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/detect/verdict.h"
#include "gst-plugin/video/cuda_frame.h"
#include "gst-plugin/video/mapped_frame.h"
#include "model/engine/detector.h"
#include "model/health/monitor.h"

namespace uniad {

// Figures of a stream that any thread may read.
struct DetectFigures {
  std::atomic<double> drift{0};
  std::atomic<double> scene_shift{-1};  // pixels of the frame; -1: not known
  std::atomic<guint64> skipped{0};
  std::atomic<GstClockTime> latency{0};
};

// Called by the streaming thread, and by start and stop while that does not run. Posts messages and warnings
// in the name of the element, and sends events downstream.
class StreamDetector {
 public:
  // `element` and `figures` outlive it. `begins_model`: there was no model file.
  StreamDetector(GstBaseTransform *element, std::shared_ptr<Detector> detector, GstUniadDetectMode mode,
                 bool begins_model, DetectFigures &figures);

  // in_gpu_memory: null if the frames are in system memory.
  void set_info(const GstVideoInfo &info, std::shared_ptr<CudaFrames> in_gpu_memory);

  // Judges the frame, learns from it or lets it pass, and adds the newest result to it. Throws if the
  // detector cannot continue.
  void process(GstBuffer *buffer, const DetectSettings &settings, LearningSession &learning);

  // Called when no more frames come for now. Returns when what was learned is in force or kept for later.
  void finish();

  // Called when the stream stops or jumps: ends open events for this reason and drops the newest result.
  void forget(const char *reason, const DetectSettings &settings);
  void begin_session();
  void begin_stream();

  // Warns once if the stream asks for its pictures to be rotated.
  void warn_about_orientation(GstEvent *tags);

 private:
  struct Upstream {
    bool live = false;
    GstClockTime latency = 0;
  };

  void choose_mode();
  Upstream ask_upstream();
  void begin_learning(const DetectSettings &settings, LearningSession &learning);
  void advance_time(GstBuffer *buffer);
  GstClockTime age_of_frame(GstClockTime running_time) const;
  GstClockTime step_without_timestamps(GstBuffer *buffer, GstClockTime since_arrival);
  void skip();
  bool is_due(const DetectSettings &settings);
  bool is_late();
  std::unique_ptr<MappedFrame> map_or_warn(GstBuffer *buffer);
  std::optional<TimedDetection> detect(GstBuffer *buffer, const FrameTime &time);
  bool judge(const DetectSettings &settings, TimedDetection result);
  void warn_about_unknown_source(const DetectSettings &settings, const Calibration &calibration);
  void warn_about_aspect_ratio(const DetectSettings &settings);
  void update_means(const Detection &normal);
  void update_latency(GstClockTime duration);
  void update_health(const DetectSettings &settings, const TimedDetection &result);
  void update_motion(const DetectSettings &settings, GstBuffer *buffer);
  bool has_time(const FrameTime &frame) const;
  void update_events(const DetectSettings &settings, const FrameTime &frame);
  void post(const std::vector<Event> &states, const DetectSettings &settings);
  void mark(const DetectSettings &settings, GstBuffer *buffer, GstClockTime age);

  GstBaseTransform *const element_;
  DetectFigures &figures_;
  const std::shared_ptr<Detector> detector_;
  const GstUniadDetectMode mode_;
  const bool begins_model_;
  std::optional<bool> live_;                        // of the stream, once its first frame has come
  std::unique_ptr<BackgroundDetector> background_;  // where no frame waits
  std::vector<Detection> detections_;               // of one frame; keeps its memory
  GstVideoInfo info_{};
  std::shared_ptr<CudaFrames> in_gpu_memory_;
  guint frames_to_next_ = 0;  // that pass before one is judged again
  RateLimit rate_limit_;      // of judged frames
  std::optional<Verdict> verdict_;
  GstClockTime judged_at_ = GST_CLOCK_TIME_NONE;  // running time of the frame that `verdict_` is about
  FrameTime newest_;                              // of all frames, judged or not
  std::optional<GstClockTime> arrival_;           // of the newest, by the system's clock
  EventTracker events_;
  HealthMonitor health_;
  StreamMotion motion_;
  std::shared_ptr<const ZoneGrid> zones_;  // by which the newest frame was judged; null: none
  std::shared_ptr<const HealthReference> health_reference_;  // that `health_` goes by
  bool warned_ = false;
  bool warned_of_lateness_ = false;
  bool warned_of_buffers_ = false;             // that hold no frame
  bool warned_of_shape_ = false;               // that is not what was learned
  bool warned_of_motion_ = false;              // that cannot be measured
  bool warned_of_orientation_ = false;         // that nothing has applied
  std::set<std::string> checked_sources_;      // sources that were looked up among those that the model knows
  std::uint64_t no_numbers_ = 0;               // frames whose score is not finite
  std::optional<GstClockTime> mean_duration_;  // of one detection
  guint followed_ = 0;                         // normal frames since drift was last computed
};

}  // namespace uniad
