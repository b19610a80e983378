// SPDX-License-Identifier: Apache-2.0
// Judges frames on its own thread, for mode=async and for live streams in mode=auto.
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

// A detection and the time of its frame.
struct TimedDetection {
  Detection detection;
  FrameTime frame;
};

// Judges frames on its own thread. While it is busy, only the newest of the offered frames waits, so at most
// two frames are kept in memory.
class BackgroundDetector {
 public:
  explicit BackgroundDetector(std::shared_ptr<Detector> detector);

  void offer(std::unique_ptr<MappedFrame> frame, const FrameTime &time);

  // Returns the oldest result that has not been taken yet, if any. There are at most two if the caller takes
  // all results before each offer. If the detector failed on a frame, throws its exception.
  std::optional<TimedDetection> take();

  // Waits until the frame in progress has been judged. Drops the waiting frame and keeps the results.
  void finish();

  // Waits until the frame in progress has been judged. Drops the waiting frame, the results and any
  // exception.
  void clear();

 private:
  struct Offer {
    std::unique_ptr<MappedFrame> frame;
    FrameTime time;
  };

  void run(const std::stop_token &stop);

  std::shared_ptr<Detector> detector_;
  std::mutex mutex_;  // guards the members from waiting_ to error_
  std::condition_variable_any changed_;
  std::optional<Offer> waiting_;
  bool busy_ = false;
  std::deque<TimedDetection> finished_;
  std::exception_ptr error_;
  std::jthread thread_;  // last, so that the thread ends before the other members are destroyed
};

}  // namespace uniad
