// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <chrono>
#include <memory>

#include "model/preprocess/frame_view.h"

namespace uniad {

// Every raw format of this GStreamer, in system memory, of any size. Transfer full.
GstCaps *viewable_caps();

// The frame as preprocess reads it: nothing is copied, so the frame must stay mapped and in its place as long
// as the view is used. Colorimetry that the caps do not name is what GStreamer assumes: BT.709 above 576
// lines and BT.601 up to there, limited range (full for grey). Throws Error for formats without pixels that a
// CPU can read (encoded, DMA_DRM).
FrameView view_of(const GstVideoFrame &frame);

// How many pixels of a row GStreamer's unpack and pack functions are to be called with: the frame's width, or
// whole tiles of it. Those of MT2110T and MT2110R leave a tile out that the frame's width ends in.
int width_to_unpack(const GstVideoInfo &info);

// A buffer's frame, mapped for reading; holds a reference to the buffer.
class HeldFrame {
 public:
  HeldFrame() = default;
  virtual ~HeldFrame() = default;
  HeldFrame(const HeldFrame &) = delete;
  HeldFrame &operator=(const HeldFrame &) = delete;

  const FrameView &view() const { return view_; }
  void taken_at(std::chrono::nanoseconds time) { view_.time = time; }

 protected:
  FrameView view_;
};

// Whether there is no picture in the frame that could be judged or learned: its decoder calls it corrupt,
// since parts are missing or it comes before the first key frame, or it only fills a gap.
bool has_no_picture(GstBuffer *buffer);

// Null where the buffer does not hold a frame of that format and size. Throws Error as view_of() does.
std::unique_ptr<HeldFrame> hold_frame(GstBuffer *buffer, const GstVideoInfo &info);

}  // namespace uniad
