// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/error.h"

namespace uniad::cuda {

// What CUDA says of a call that failed.
struct Failure {
  int code = 0;      // cudaError_t
  std::string name;  // "cudaErrorMemoryAllocation"
  std::string text;  // "out of memory"
};

enum class During { Load, Run };

// The device fails, and everything that runs on it; other Errors are about one frame or one option.
class DeviceError : public Error {
 public:
  using Error::Error;
};

// `device`: its number. `doing`: "uploading a frame".
DeviceError error_of(const Failure &failure, int device, const std::string &doing, During during);

}  // namespace uniad::cuda
