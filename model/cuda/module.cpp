// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/backend.h"
#include "model/cuda/device_runtime.h"

namespace {

class Module : public uniad::CudaModule {
 public:
  void require_device(int device) const override { uniad::cuda::require_device(device); }

  std::unique_ptr<uniad::Backend> open(const uniad::Model &model, const std::string &where, int device,
                                       const std::string &precision) const override {
    return uniad::cuda::make_backend(model, where, device, uniad::cuda::choose_type(precision, device));
  }

  std::vector<uniad::SelfTest> self_test(const uniad::Model &model, const std::string &where, int device,
                                         const std::string &precision) const override {
    return uniad::cuda::self_test(model, where, device, uniad::cuda::choose_type(precision, device));
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const uniad::CudaModule *uniad_cuda_module(int version) {
  static const Module module;
  return version == uniad::cuda_module_version ? &module : nullptr;
}
