// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cuda_module.h"

#include <dlfcn.h>

#include <filesystem>
#include <mutex>

#include "model/base/error.h"
#include "model/base/log.h"

namespace uniad {

namespace {

constexpr const char *build_with_cuda = "build it with subprojects/setup.sh --cuda, or use device=cpu";

std::string last_error() {
  const char *text = dlerror();
  return text != nullptr ? text : "no reason given";
}

// In the folder of the library that contains this code; otherwise, the system's search path is used.
std::string path_of_module() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void *>(&cuda_usable), &info) != 0 && info.dli_fname != nullptr) {
    const std::filesystem::path beside =
        std::filesystem::path(info.dli_fname).replace_filename(cuda_module_file);
    std::error_code ignored;
    if (std::filesystem::exists(beside, ignored)) return beside.string();
  }
  return cuda_module_file;
}

// Checks the driver without opening the module, whose libraries are gigabytes in size and take seconds to
// load.
void require_driver() {
  if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr)
    throw Error(ErrorKind::Device, "cuda", "there is no NVIDIA driver (libcuda.so.1)",
                "install version 580 or newer, or use device=cpu");
}

struct Loaded {
  void *handle = nullptr;  // never closed, because LibTorch's libraries cannot be
  const CudaModule *module = nullptr;
};

Loaded load_module() {
  const std::string path = path_of_module();
  if (path != cuda_module_file) require_driver();
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const std::string reason = last_error();
    if (path == cuda_module_file &&
        reason.find(std::string(cuda_module_file) + ": cannot open") != std::string::npos)
      throw Error(ErrorKind::Device, "cuda",
                  std::string("this build has no CUDA module (") + cuda_module_file + ")", build_with_cuda);
    throw Error(ErrorKind::Device, "cuda", "the CUDA module cannot be opened: " + reason, build_with_cuda);
  }
  const auto function = reinterpret_cast<CudaModuleFunction>(dlsym(handle, cuda_module_function));
  const CudaModule *module = function != nullptr ? function(cuda_module_version) : nullptr;
  if (module == nullptr)
    throw Error(ErrorKind::Device, "cuda", path + " belongs to another build",
                "install both from one build, or use device=cpu");
  log(LogLevel::Info, "Opened the CUDA module " + path + ".");
  return {handle, module};
}

const Loaded &loaded() {
  static std::mutex mutex;
  static Loaded once;
  const std::scoped_lock lock(mutex);
  if (once.module == nullptr) once = load_module();
  return once;
}

const CudaModule &module() {
  return *loaded().module;
}

}  // namespace

int cuda_device_number(const std::string &device) {
  const auto colon = device.find(':');
  return colon == std::string::npos ? 0 : std::stoi(device.substr(colon + 1));
}

std::unique_ptr<Backend> open_cuda_backend(const Model &model, const std::string &where, int device,
                                           const std::string &precision) {
  const CudaModule &cuda = module();
  cuda.require_device(device);
  return cuda.open(model, where, device, precision);
}

void require_cuda(int device) {
  module().require_device(device);
}

void *find_in_cuda_module(const char *name) {
  return dlsym(loaded().handle, name);
}

bool has_cuda_module() {
  return path_of_module() != cuda_module_file;
}

bool cuda_usable(std::string *why_not) {
  try {
    module().require_device(0);
    return true;
  } catch (const Error &error) {
    if (why_not != nullptr) *why_not = error.what();
    return false;
  }
}

std::string cuda_unavailable_warning() {
  std::string why;
  if (!has_cuda_module() || cuda_usable(&why)) return {};
  return "device=auto: " + why + "; the CPU is used.";
}

std::vector<SelfTest> cuda_self_test(const Model &model, const std::string &where, int device,
                                     const std::string &precision) {
  const CudaModule &cuda = module();
  cuda.require_device(device);
  return cuda.self_test(model, where, device, precision);
}

}  // namespace uniad
