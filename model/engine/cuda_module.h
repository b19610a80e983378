// SPDX-License-Identifier: Apache-2.0
// Opens libuniad-cuda.so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/file/model_file.h"

namespace uniad {

// One check of a GPU against the CPU.
struct SelfTest {
  std::string name;
  double largest = 0;  // difference found
  double tolerance = 0;
  std::string failure;  // why there is no difference to tell of

  bool passed() const { return failure.empty() && largest <= tolerance; }
};

namespace cuda {
class FramePainter;
}

// What libuniad-cuda.so gives to libuniad, which opens it when a CUDA device is first asked for and then
// keeps it.
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

// Raised with every change of CudaModule, Backend, FramePainter, Model or FrameView: a module of another
// build is refused.
inline constexpr int cuda_module_version = 3;

// The one function that the module exports; null where the version is not its own.
using CudaModuleFunction = const CudaModule *(*)(int version);
inline constexpr const char *cuda_module_function = "uniad_cuda_module";
inline constexpr const char *cuda_module_file = "libuniad-cuda.so";

// Of "cuda" (the first) or "cuda:N".
int cuda_device_number(const std::string &device);

// precision: auto (bf16 where the GPU has it, else fp16), fp32, bf16 or fp16. Throws Error: no module, no
// driver, no such device, unknown precision, a model that does not fit.
std::unique_ptr<Backend> open_cuda_backend(const Model &model, const std::string &where, int device,
                                           const std::string &precision);

// Opens the module, before LibTorch is asked for anything of CUDA: it looks for its CUDA part once. Throws
// Error: no module, no driver, no such device.
void require_cuda(int device);

// Another function that the module may export, null without it. After require_cuda().
void *find_in_cuda_module(const char *name);

// Whether the module lies beside this library.
bool has_cuda_module();

// Whether there is a module and a first device; `why_not` (may be null) takes the reason, one line.
bool cuda_usable(std::string *why_not);

// Why device=auto is the CPU although there is a module: a sentence for the user, or empty.
std::string cuda_unavailable_warning();

// Every kernel and the network against the CPU. Throws Error as open_cuda_backend does; what fails later is a
// SelfTest::failure.
std::vector<SelfTest> cuda_self_test(const Model &model, const std::string &where, int device,
                                     const std::string &precision);

}  // namespace uniad
