// SPDX-License-Identifier: Apache-2.0
// Judges frames on a thread of its own, for mode=async and live streams in mode=auto.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "gst-plugin/detect/event_tracker.h"
#include "gst-plugin/video/mapped_frame.h"
#include "model/engine/detector.h"

namespace uniad {

// A detection, and when the frame that it is about was.
struct TimedDetection {
  Detection detection;
  FrameTime frame;
};

// Judges frames on a thread of its own. Of the frames offered while it is busy only the newest waits, so that
// never more than two are held.
class BackgroundDetector {
 public:
  explicit BackgroundDetector(std::shared_ptr<Detector> detector);

  void offer(std::unique_ptr<MappedFrame> frame, const FrameTime &time);

  // The oldest result that was not taken yet, if any; there are two at most where each offer comes after
  // taking all. Throws what stopped the detector.
  std::optional<TimedDetection> take();

  // Waits for the frame in work; the one waiting is dropped, the result stays.
  void finish();

  // Drops the waiting frame and the result, once the frame in work is done.
  void clear();

 private:
  struct Offer {
    std::unique_ptr<MappedFrame> frame;
    FrameTime time;
  };

  void run(const std::stop_token &stop);

  std::shared_ptr<Detector> detector_;
  std::mutex mutex_;  // guards the five below
  std::condition_variable_any changed_;
  std::optional<Offer> waiting_;
  bool busy_ = false;
  std::deque<TimedDetection> finished_;
  std::exception_ptr error_;
  std::jthread thread_;  // last, so that it has ended before the rest goes
};

}  // namespace uniad
