// SPDX-License-Identifier: Apache-2.0
// Passes the frames of a camera to its viewers.
#pragma once

#include <gst/app/app.h>
#include <gst/video/video.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace uniad::rtsp {

// Passes a camera's frames from the pipeline that captures them to the media that its viewers share. The two
// are independent: capture continues without viewers, and viewers stay connected while the camera is lost.
// Does not store frames. Thread-safe.
class Relay {
 public:
  // A stream without a frame for `timeout` is considered lost, unless its frames are usually that far apart.
  explicit Relay(std::chrono::nanoseconds timeout = std::chrono::seconds(10));
  ~Relay();
  Relay(const Relay &) = delete;
  Relay &operator=(const Relay &) = delete;

  // Sends frames to this media's source from now on, for as long as it exists.
  void set_viewers(GstAppSrc *source);

  // Must be called when a new pipeline starts capturing, because the time up to its first frame is not part
  // of its frame rate.
  void begin();
  void push(GstSample *camera_frame);
  void push_placeholder(GstSample *picture);  // dropped while the camera is live

  unsigned frames() const;                               // since begin()
  std::chrono::steady_clock::duration age() const;       // of the newest camera frame
  std::chrono::steady_clock::duration patience() const;  // the age from which the stream is considered lost
  bool is_live() const;                                  // the next frame is not overdue
  // The format of the newest camera frame; 640x360 I420 at 10 frames per second before the first frame.
  GstVideoInfo format() const;

  // Waits for the very first frame, so that early viewers get the camera's size, but at most until give_up()
  // or ten seconds after construction.
  void wait_for_format() const;
  void give_up();

 private:
  mutable GWeakRef viewers_;
  const std::chrono::steady_clock::time_point made_;
  const std::chrono::nanoseconds timeout_;
  mutable std::mutex mutex_;  // guards the following members
  mutable std::condition_variable format_known_;
  bool is_format_known_ = false;
  bool has_given_up_ = false;
  GstVideoInfo format_;
  std::chrono::steady_clock::time_point newest_;
  std::chrono::steady_clock::duration interval_{};  // longest recent frame interval; 0: not known yet
  unsigned frames_ = 0;
};

}  // namespace uniad::rtsp
