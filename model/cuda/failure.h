// SPDX-License-Identifier: Apache-2.0
// Converts CUDA's errors to Error.
#pragma once

#include <string>

#include "model/base/error.h"

namespace uniad::cuda {

// CUDA's description of a failed call.
struct Failure {
  int code = 0;      // cudaError_t
  std::string name;  // "cudaErrorMemoryAllocation"
  std::string text;  // "out of memory"
};

enum class During { Load, Run };

// A failure of the device, which affects everything that runs on it. Other Errors concern one frame or
// option.
class DeviceError : public Error {
 public:
  using Error::Error;
};

// device: its number. doing: the failed activity, such as "uploading a frame".
DeviceError error_of(const Failure &failure, int device, const std::string &doing, During during);

}  // namespace uniad::cuda
