// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include "model/cuda/frame_painter.h"
#include "model/engine/cuda_module.h"

namespace uniad::cuda {

std::unique_ptr<FramePainter> painter_of_open_module(int device) {
  void *handle = dlopen(cuda_module_file, RTLD_NOW | RTLD_NOLOAD);
  if (handle == nullptr) return nullptr;
  const auto function = reinterpret_cast<CudaModuleFunction>(dlsym(handle, cuda_module_function));
  const CudaModule *module = function != nullptr ? function(cuda_module_version) : nullptr;
  return module != nullptr ? module->painter(device) : nullptr;  // null: the module is from another build
}

}  // namespace uniad::cuda
