// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/app/app.h>
#include <gst/video/video.h>

#include <chrono>
#include <mutex>

namespace uniad::rtsp {

// Where a camera's frames pass from the pipeline that captures them to the media that its viewers share. The
// two live and die apart: capture goes on while nobody watches, viewers stay while the camera is gone. Holds
// no frame. Thread-safe.
class Relay {
 public:
  Relay();
  ~Relay();
  Relay(const Relay &) = delete;
  Relay &operator=(const Relay &) = delete;

  // Frames go to this media's source from now on, for as long as it lives.
  void set_viewers(GstAppSrc *source);

  void push(GstSample *camera_frame);
  void push_placeholder(GstSample *picture);  // dropped while the camera is live

  std::chrono::steady_clock::duration age() const;  // of the newest camera frame
  bool is_live() const;                             // that is less than two seconds
  GstVideoInfo format()
      const;  // of the newest camera frame; 640x360 I420 at 10 frames a second before the first

 private:
  mutable GWeakRef viewers_;
  mutable std::mutex mutex_;
  GstVideoInfo format_;
  std::chrono::steady_clock::time_point newest_;
};

}  // namespace uniad::rtsp
