// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <optional>

#include "gst-plugin/frame_view.h"

namespace uniad {

// The formats in memory:CUDAMemory that are judged without leaving the GPU; none in builds without CUDA.
// Transfer full.
GstCaps *cuda_viewable_caps();

bool in_cuda_memory(const GstCaps *caps);

// Where a buffer's memory lies; absent unless it is one piece of CUDA memory.
std::optional<int> cuda_device_of(GstBuffer *buffer);

// One element's share in GStreamer's CUDA contexts. LibTorch works in the device's primary context, which
// gst_cuda_context_new() does not give: this wraps it and offers it to the neighbours, so that decoders put
// their frames there. All functions may be called from any thread.
class CudaFrames {
 public:
  // Takes the primary context when it is first needed. `element` outlives this. Null in builds without CUDA.
  static std::unique_ptr<CudaFrames> create(GstElement *element, int device);

  virtual ~CudaFrames() = default;

  // Answers GST_QUERY_CONTEXT for CUDA; false: not this query.
  virtual bool answer(GstQuery *query) = 0;

  // Tells the pipeline of the context; for the change from NULL to READY. Throws Error: no driver, no device.
  virtual void announce() = 0;

  // Nothing is copied, unless the frame lies in a context other than the primary one. Throws Error: no
  // driver, memory of another device, a format that kernels do not read.
  virtual std::unique_ptr<HeldFrame> hold(GstBuffer *buffer, const GstVideoInfo &info) = 0;

  // For drawing on a writable buffer: the planes may be written, through what the view has const. Null where
  // kernels cannot reach it, on another device or in another context. Throws Error as hold() does.
  virtual std::unique_ptr<HeldFrame> hold_for_drawing(GstBuffer *buffer, const GstVideoInfo &info) = 0;
};

}  // namespace uniad
