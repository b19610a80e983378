// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/app/app.h>
#include <gst/video/video.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace uniad::rtsp {

// Where a camera's frames pass from the pipeline that captures them to the media that its viewers share. The
// two live and die apart: capture goes on while nobody watches, viewers stay while the camera is gone. Holds
// no frame. Thread-safe.
class Relay {
 public:
  // Without a frame for `timeout`, a stream counts as lost, unless its own frames lie that far apart.
  explicit Relay(std::chrono::nanoseconds timeout = std::chrono::seconds(10));
  ~Relay();
  Relay(const Relay &) = delete;
  Relay &operator=(const Relay &) = delete;

  // Frames go to this media's source from now on, for as long as it lives.
  void set_viewers(GstAppSrc *source);

  // Another pipeline captures from now on: the time up to its first frame tells nothing of its rate.
  void begin();
  void push(GstSample *camera_frame);
  void push_placeholder(GstSample *picture);  // dropped while the camera is live

  unsigned frames() const;                               // since begin()
  std::chrono::steady_clock::duration age() const;       // of the newest camera frame
  std::chrono::steady_clock::duration patience() const;  // the age from which the stream counts as lost
  bool is_live() const;                                  // the next frame is not overdue
  GstVideoInfo format()
      const;  // of the newest camera frame; 640x360 I420 at 10 frames a second before the first

  // Waits for the first frame of all, so that who comes before it gets the camera's size; no longer than
  // until give_up(), or ten seconds after construction.
  void wait_for_format() const;
  void give_up();

 private:
  mutable GWeakRef viewers_;
  const std::chrono::steady_clock::time_point made_;
  const std::chrono::nanoseconds timeout_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable format_known_;
  bool is_format_known_ = false;
  bool has_given_up_ = false;
  GstVideoInfo format_;
  std::chrono::steady_clock::time_point newest_;
  std::chrono::steady_clock::duration interval_{};  // between frames, at most of late; 0: not known yet
  unsigned frames_ = 0;
};

}  // namespace uniad::rtsp
