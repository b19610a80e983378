// SPDX-License-Identifier: Apache-2.0
// Replaces cuda_frame.cpp in builds without CUDA.
#include "gst-plugin/video/cuda_frame.h"

namespace uniad {

GstCaps *cuda_viewable_caps() {
  return gst_caps_new_empty();
}

bool in_cuda_memory(const GstCaps * /*caps*/) {
  return false;
}

std::optional<int> cuda_device_of(GstBuffer * /*buffer*/) {
  return std::nullopt;
}

std::unique_ptr<CudaFrames> CudaFrames::create(GstElement * /*element*/, int /*device*/) {
  return nullptr;
}

}  // namespace uniad
