// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <memory>

#include "model/preprocess/frame_view.h"

namespace uniad {

// The formats in memory:CUDAMemory that are judged without leaving the GPU. Transfer full.
GstCaps *cuda_viewable_caps();

bool is_cuda_buffer(GstBuffer *buffer);

// A frame in GPU memory, held and mapped; nothing is copied, unless it lies in a context other than
// LibTorch's.
class CudaFrame {
 public:
  virtual ~CudaFrame() = default;
  virtual const FrameView &view() const = 0;
};

// One element's share in GStreamer's CUDA contexts. LibTorch works in the device's primary context, which
// gst_cuda_context_new() does not give: this wraps it and offers it to the neighbours, so that decoders put
// their frames there. All functions may be called from any thread.
class CudaFrames {
 public:
  // Takes the primary context when it is first needed. `element` outlives this.
  static std::unique_ptr<CudaFrames> create(GstElement *element, int device);

  virtual ~CudaFrames() = default;

  // Answers GST_QUERY_CONTEXT for CUDA; false: not this query.
  virtual bool answer(GstQuery *query) = 0;

  // Tells the pipeline of the context; for the change from NULL to READY.
  virtual void announce() = 0;

  // Throws Error: no driver, memory of another device, a format that kernels do not read.
  virtual std::unique_ptr<CudaFrame> map(GstBuffer *buffer, const GstVideoInfo &info) = 0;
};

}  // namespace uniad
