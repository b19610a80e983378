// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <span>

#include "gst-plugin/cuda_frame.h"
#include "gst-plugin/overlay/canvas.h"
#include "gst-plugin/overlay/painter.h"
#include "model/cuda/frame_painter.h"

namespace uniad {

// Draws on frames where they lie in a GPU's memory, with the kernels of libuniad's CUDA module. That module
// brings in LibTorch, so it is never opened for drawing alone: where uniaddetect has not opened it, on
// another device too, frames are the CPU's to draw on.
class GpuDrawing {
 public:
  // Null where the kernels do not draw on such frames.
  static std::unique_ptr<GpuDrawing> create(GstElement *element, const GstCaps *caps,
                                            const GstVideoInfo &info);

  // False: nothing is drawn yet, and the CPU has to. Throws Error where the device fails.
  bool paint(GstBuffer *buffer, Painter &painter, std::span<const Heat> heats, const Canvas &canvas);

 private:
  GpuDrawing(GstElement *element, const GstVideoInfo &info) : element_(element), info_(info) {}
  void begin(GstBuffer *buffer);

  GstElement *element_;
  GstVideoInfo info_;
  bool begun_ = false;
  std::unique_ptr<CudaFrames> frames_;
  std::unique_ptr<cuda::FramePainter> kernels_;
};

}  // namespace uniad
