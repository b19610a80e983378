// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/failure.h"

namespace uniad::cuda {

namespace {

// Values of cudaError_t, which never change (driver_types.h).
constexpr int memory_allocation = 2;
constexpr int initialization_error = 3;
constexpr int insufficient_driver = 35;
constexpr int devices_unavailable = 46;
constexpr int no_device = 100;
constexpr int invalid_device = 101;
constexpr int no_kernel_image = 209;
constexpr int ecc_uncorrectable = 214;
constexpr int illegal_address = 700;
constexpr int launch_failure = 719;
constexpr int driver_mismatch = 803;

std::string hint(int code, During during) {
  switch (code) {
    case memory_allocation:
      return during == During::Load
                 ? "the model does not fit into the GPU's free memory: free some (nvidia-smi lists what uses "
                   "it), or use another GPU (device=cuda:N) or device=cpu"
                 : "the batch does not fit into the GPU's free memory: use a smaller batch-size, or fewer "
                   "models on this GPU";
    case initialization_error:
    case insufficient_driver:
    case driver_mismatch:
      return "install an NVIDIA driver of version 580 or newer, or use device=cpu";
    case no_device:
    case invalid_device:
      return "nvidia-smi lists the GPUs and their numbers; if there is none, use device=cpu";
    case devices_unavailable:
      return "another process uses the GPU exclusively: end it, or use another GPU (device=cuda:N)";
    case no_kernel_image:
      return "this build has no code for this GPU, which needs compute capability 7.5 or newer; use "
             "device=cpu";
    case ecc_uncorrectable:
      return "the GPU's memory is faulty: reset or replace it";
    case illegal_address:
    case launch_failure:
      return "the process can no longer use the GPU: restart it, and report this if it happens again";
    default:
      return during == During::Load ? "check the GPU with nvidia-smi, or use device=cpu"
                                    : "check the GPU with nvidia-smi and restart the process";
  }
}

}  // namespace

DeviceError error_of(const Failure &failure, int device, const std::string &doing, During during) {
  const ErrorKind kind = failure.code == memory_allocation ? ErrorKind::OutOfMemory : ErrorKind::Device;
  return {kind, "cuda:" + std::to_string(device),
          doing + " failed with " + failure.name + ", " + failure.text, hint(failure.code, during)};
}

}  // namespace uniad::cuda
