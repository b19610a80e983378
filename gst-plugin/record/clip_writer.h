// SPDX-License-Identifier: Apache-2.0
// Writes clips on a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gst-plugin/base/bounded_folder.h"
#include "gst-plugin/record/encoded_frame.h"

namespace uniad {

// A file, or part of one if the stream changes during the clip.
struct Clip {
  std::string path;
  std::string source;
  std::vector<std::string> events;          // ids
  GstClockTime time = GST_CLOCK_TIME_NONE;  // when the first event began, in UTC since 1970
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  GstClockTime duration = 0;
};

struct ClipReport {
  enum class Kind {
    opened,
    finished,
    failing,   // the first clip of an outage cannot be written
    too_slow,  // frames are lost because the disk is slower than the stream
    empty,     // there was no key frame during the event
    stopped,   // what waited at the stop was not written
  };
  Kind kind;
  Clip clip = {};
  std::string reason = {};
};

// Takes frames without waiting for the disk. Frames that do not fit into the queue are refused.
class ClipWriter {
 public:
  using Reporter = std::function<void(const ClipReport &)>;
  using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;

  // `report` is called from the thread, and from the destructor; `lost` counts frames.
  ClipWriter(BoundedFolder folder, std::size_t queue_bytes, Counter lost, Reporter report);
  // Finishes what waits, for as long as `drain_time`; then the thread is abandoned and ends by itself.
  ~ClipWriter();

  ClipWriter(const ClipWriter &) = delete;
  ClipWriter &operator=(const ClipWriter &) = delete;

  void set_drain_time(std::chrono::nanoseconds time) { drain_time_ = time; }

  bool begin(Clip clip);
  void join(std::string event);  // the clip is about this event too
  bool add(const EncodedFrame &frame);
  void end();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::chrono::nanoseconds drain_time_{0};
  std::jthread thread_;
};

}  // namespace uniad
