// SPDX-License-Identifier: Apache-2.0
// Draws on frames in GPU memory.
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <span>

#include "gst-plugin/drawing/canvas.h"
#include "gst-plugin/drawing/painter.h"
#include "gst-plugin/video/cuda_frame.h"
#include "model/cuda/frame_painter.h"

namespace uniad {

// Draws on frames in GPU memory with the kernels of libuniad's CUDA module. The module loads LibTorch, so it
// is not opened for drawing alone: if uniaddetect has not opened it, or has done so for another device, the
// CPU draws.
class GpuDrawing {
 public:
  // Null if the kernels do not support such frames.
  static std::unique_ptr<GpuDrawing> create(GstElement *element, const GstCaps *caps,
                                            const GstVideoInfo &info);

  // Returns false if nothing was drawn and the CPU has to draw. Throws Error if the device fails.
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
