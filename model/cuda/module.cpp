// SPDX-License-Identifier: Apache-2.0
#include <c10/cuda/CUDAGuard.h>

#include "model/cuda/backend.h"
#include "model/cuda/device_painter.h"
#include "model/cuda/device_runtime.h"
#include "model/cuda/guarded.h"

namespace {

using uniad::cuda::DevicePainter;
using uniad::cuda::Runtime;

// A painter that works whatever the calling thread's current device is.
class Painter : public uniad::cuda::FramePainter {
 public:
  explicit Painter(int device) : device_(device), runtime_(uniad::cuda::make_runtime(device)) {
    on_device([this] { painter_ = std::make_unique<DevicePainter>(*runtime_); });
  }
  ~Painter() override {
    on_device([this] { painter_.reset(); });
  }

  void paint(const uniad::cuda::DrawnFrame &frame, const uniad::cuda::HeatSurface &heat,
             const uniad::cuda::HeatTables &tables) override {
    on_device([&] { painter_->paint(frame, heat, tables); });
  }
  void paint(const uniad::cuda::DrawnFrame &frame, std::span<const uniad::cuda::PaintedSpan> spans,
             std::span<const uniad::Paint> paints) override {
    on_device([&] { painter_->paint(frame, spans, paints); });
  }

 private:
  template <typename Work>
  void on_device(Work work) {
    uniad::cuda::guarded(device_, "drawing", uniad::cuda::During::Run, [&] {
      const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
      work();
    });
  }

  const int device_;
  const std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<DevicePainter> painter_;
};

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

  std::unique_ptr<uniad::cuda::FramePainter> painter(int device) const override {
    return std::make_unique<Painter>(device);
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const uniad::CudaModule *uniad_cuda_module(int version) {
  static const Module module;
  return version == uniad::cuda_module_version ? &module : nullptr;
}
