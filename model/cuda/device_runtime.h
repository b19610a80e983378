// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "model/cuda/runtime.h"

namespace uniad::cuda {

// CUDA itself. Calls go to the device of the calling thread: make it current first.
std::unique_ptr<Runtime> make_runtime(int device);

// What CUDA says of a cudaError_t.
Failure failure_of(int code);
inline constexpr int out_of_memory = 2;  // cudaErrorMemoryAllocation

// "NVIDIA H100 80GB HBM3"
std::string device_name(int device);
// 90 for 9.0; 0 where it cannot be told.
int compute_capability(int device);

// Where CUDA has a device of this number: nothing. Else throws Error: no driver, no such device.
void require_device(int device);

}  // namespace uniad::cuda
