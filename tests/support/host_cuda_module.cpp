// SPDX-License-Identifier: Apache-2.0
//
// A replacement of libuniad-cuda.so: its kernels run on the host, and it has no network.
#include "model/base/error.h"
#include "model/cuda/device_painter.h"
#include "model/engine/cuda_module.h"
#include "tests/model/cuda/host_runtime.h"

namespace {

using namespace uniad;

class Painter : public cuda::FramePainter {
 public:
  void paint(const cuda::DrawnFrame &frame, const cuda::HeatSurface &heat,
             const cuda::HeatTables &tables) override {
    painter_.paint(frame, heat, tables);
  }
  void paint(const cuda::DrawnFrame &frame, std::span<const cuda::PaintedSpan> spans,
             std::span<const Paint> paints) override {
    painter_.paint(frame, spans, paints);
  }

 private:
  test::HostRuntime runtime_;
  cuda::DevicePainter painter_{runtime_};
};

class Module : public CudaModule {
 public:
  void require_device(int) const override {}
  std::unique_ptr<Backend> open(const Model &, const std::string &, int, const std::string &) const override {
    throw Error(ErrorKind::Device, "cuda", "no network here", "use device=cpu");
  }
  std::vector<SelfTest> self_test(const Model &, const std::string &, int,
                                  const std::string &) const override {
    return {};
  }
  std::unique_ptr<cuda::FramePainter> painter(int) const override { return std::make_unique<Painter>(); }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaModule *uniad_cuda_module(int version) {
  static const Module module;
  return version == cuda_module_version ? &module : nullptr;
}
