// SPDX-License-Identifier: Apache-2.0
// Writes clips or segments on a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gst-plugin/record/clip.h"
#include "gst-plugin/record/encoded_frame.h"
#include "gst-plugin/record/track.h"

namespace uniad {

// Takes frames without waiting for the disk. Frames that do not fit into the queue are refused.
class ClipWriter {
 public:
  // The reporter of the track is called from the thread, and from the destructor.
  ClipWriter(std::unique_ptr<Track> track, std::size_t queue_bytes);
  ~ClipWriter();

  ClipWriter(const ClipWriter &) = delete;
  ClipWriter &operator=(const ClipWriter &) = delete;

  bool begin(Clip clip);
  void join(std::string event);  // the clip is about this event too
  bool add(const EncodedFrame &frame);
  // events: those that came after the last frame.
  void end(std::vector<Event> events);

  // Counts a frame that cannot be used because frames before it were refused.
  void lose_frame();

  // Begins to finish what waits.
  void close();
  // Waits until that is done, but not beyond `deadline`; then the thread is abandoned and ends by itself.
  void stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::jthread thread_;
};

}  // namespace uniad
