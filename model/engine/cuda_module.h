// SPDX-License-Identifier: Apache-2.0
// Opens libuniad-cuda.so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/file/model_file.h"

namespace uniad {

// The result of comparing one computation on the GPU with the CPU.
struct SelfTest {
  std::string name;
  double largest = 0;  // largest difference found
  double tolerance = 0;
  std::string failure;  // why there is no result; empty: there is one

  bool passed() const { return failure.empty() && largest <= tolerance; }
};

namespace cuda {
class FramePainter;
}

// The interface of libuniad-cuda.so. libuniad opens it when a CUDA device is first requested, and never
// closes it.
class CudaModule {
 public:
  virtual ~CudaModule() = default;
  virtual void require_device(int device) const = 0;
  virtual std::unique_ptr<Backend> open(const Model &model, const std::string &where, int device,
                                        const std::string &precision) const = 0;
  virtual std::vector<SelfTest> self_test(const Model &model, const std::string &where, int device,
                                          const std::string &precision) const = 0;
  virtual std::unique_ptr<cuda::FramePainter> painter(int device) const = 0;
};

// Must be incremented with every change of CudaModule, Backend, FramePainter, Model or FrameView: a module of
// another version is rejected.
inline constexpr int cuda_module_version = 3;

// The only function that the module exports. Returns null if it has another version.
using CudaModuleFunction = const CudaModule *(*)(int version);
inline constexpr const char *cuda_module_function = "uniad_cuda_module";
inline constexpr const char *cuda_module_file = "libuniad-cuda.so";

// The number of the device "cuda" (the first) or "cuda:N".
int cuda_device_number(const std::string &device);

// precision: auto (bf16 if the GPU supports it, otherwise fp16), fp32, bf16 or fp16. Throws Error: no module,
// no driver, no such device, unknown precision, or missing or mismatched tensors in the model.
std::unique_ptr<Backend> open_cuda_backend(const Model &model, const std::string &where, int device,
                                           const std::string &precision);

// Opens the module. Must be called before any use of CUDA through LibTorch, which looks for its CUDA part
// only once. Throws Error: no module, no driver, no such device.
void require_cuda(int device);

// Another function that the module may export; null if it does not. Only after require_cuda().
void *find_in_cuda_module(const char *name);

// Whether the module is in the folder of this library.
bool has_cuda_module();

// Whether there is a module and a device. `why_not` (may be null) receives the reason in one line.
bool cuda_usable(std::string *why_not);

// A sentence for the user about why device=auto selects the CPU although there is a module; otherwise empty.
std::string cuda_unavailable_warning();

// Compares every kernel and the network with the CPU. Throws Error like open_cuda_backend(); later failures
// are reported in SelfTest::failure.
std::vector<SelfTest> cuda_self_test(const Model &model, const std::string &where, int device,
                                     const std::string &precision);

}  // namespace uniad
