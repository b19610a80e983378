// SPDX-License-Identifier: Apache-2.0
// Memory, streams and kernel launches of a CUDA device.
#pragma once

#include <memory>
#include <string>

#include "model/cuda/runtime.h"

namespace uniad::cuda {

// CUDA's runtime. Calls apply to the calling thread's current device, which must be set first.
std::unique_ptr<Runtime> make_runtime(int device);

// CUDA's description of a cudaError_t.
Failure failure_of(int code);
inline constexpr int out_of_memory = 2;  // cudaErrorMemoryAllocation

// "NVIDIA H100 80GB HBM3"
std::string device_name(int device);
// 90 for 9.0; 0 if it cannot be determined.
int compute_capability(int device);

// Throws Error if there is no driver or no device with this number.
void require_device(int device);

}  // namespace uniad::cuda
