// SPDX-License-Identifier: Apache-2.0
// Frames in CUDA memory, and the CUDA context that elements share.
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <optional>

#include "gst-plugin/video/mapped_frame.h"

namespace uniad {

// The formats in memory:CUDAMemory that are judged on the GPU; none in builds without CUDA. (transfer full)
GstCaps *cuda_viewable_caps();

bool in_cuda_memory(const GstCaps *caps);

// The device of a buffer's memory; absent unless it is a single CUDA memory.
std::optional<int> cuda_device_of(GstBuffer *buffer);

// An element's part in sharing GStreamer's CUDA contexts. LibTorch works in the device's primary context,
// which gst_cuda_context_new() does not provide. This class wraps that context and offers it to neighboring
// elements, so that decoders use it for their frames. All functions are thread-safe.
class CudaFrames {
 public:
  // Retains the primary context on first use. element must outlive this. Null in builds without CUDA.
  static std::unique_ptr<CudaFrames> create(GstElement *element, int device);

  virtual ~CudaFrames() = default;

  // Answers GST_QUERY_CONTEXT for CUDA; returns false for any other query.
  virtual bool answer(GstQuery *query) = 0;

  // Announces the context to the pipeline, in the state change from NULL to READY. Throws Error if there is
  // no driver or no device.
  virtual void announce() = 0;

  // Copies the frame only if it is in a context other than the primary one. Throws Error if there is no
  // driver, the memory is on another device, or the kernels do not support the format.
  virtual std::unique_ptr<MappedFrame> map(GstBuffer *buffer, const GstVideoInfo &info) = 0;

  // For drawing on a writable buffer: the planes may be written to, although the view has them as const. Null
  // if the kernels cannot access the buffer (another device or another context). Throws Error as map() does.
  virtual std::unique_ptr<MappedFrame> map_for_drawing(GstBuffer *buffer, const GstVideoInfo &info) = 0;
};

}  // namespace uniad
