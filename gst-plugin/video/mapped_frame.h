// SPDX-License-Identifier: Apache-2.0
// Maps a GstBuffer as the FrameView that preprocessing reads.
#pragma once

#include <gst/video/video.h>

#include <chrono>
#include <memory>
#include <utility>

#include "model/preprocess/frame_view.h"

namespace uniad {

// All raw formats of the installed GStreamer, in system memory, of any size. (transfer full)
GstCaps *viewable_caps();

// The frame as preprocessing reads it. Nothing is copied, so the frame must stay mapped and must not be moved
// while the view is used. Colorimetry that the caps do not specify is what GStreamer assumes: BT.709 above
// 576 lines and BT.601 up to 576, limited range (full range for gray). Throws Error for formats without
// pixels that a CPU can read (encoded, DMA_DRM).
FrameView view_of(const GstVideoFrame &frame);

// The number of pixels per row to pass to GStreamer's unpack and pack functions: the frame's width, rounded
// up to whole tiles for MT2110T and MT2110R, whose functions skip an incomplete tile.
int width_to_unpack(const GstVideoInfo &info);

// A buffer's frame, mapped for reading; holds a reference to the buffer.
class MappedFrame {
 public:
  MappedFrame() = default;
  virtual ~MappedFrame() = default;
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;

  const FrameView &view() const { return view_; }
  void taken_at(std::chrono::nanoseconds time) { view_.time = time; }
  void set_motion(std::shared_ptr<const FrameMotion> motion) { view_.motion = std::move(motion); }

 protected:
  FrameView view_;
};

// Whether the frame contains no picture to judge or learn from: its decoder marked it as corrupt, because
// parts are missing or it precedes the first key frame, or it only fills a gap.
bool has_no_picture(GstBuffer *buffer);

// Null if the buffer does not contain a frame of that format and size. Throws Error as view_of() does.
std::unique_ptr<MappedFrame> map_frame(GstBuffer *buffer, const GstVideoInfo &info);

}  // namespace uniad
