// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/device_runtime.h"

#include <cuda_runtime_api.h>

#include "model/cuda/kernels.h"

namespace uniad::cuda {

static_assert(out_of_memory == cudaErrorMemoryAllocation);

Failure failure_of(int code) {
  const auto error = static_cast<cudaError_t>(code);
  return {code, cudaGetErrorName(error), cudaGetErrorString(error)};
}

namespace {

// Errors are reported by return values. The stored error must be cleared, because otherwise LibTorch would
// attribute it to its own next call.
int result(cudaError_t error) {
  if (error != cudaSuccess) cudaGetLastError();
  return error;
}

class DeviceRuntime : public Runtime {
 public:
  explicit DeviceRuntime(int device) : device_(device) {}

  int device() const override { return device_; }
  Failure describe(int code) const override { return failure_of(code); }

  int allocate(std::size_t bytes, void **memory) override { return result(cudaMalloc(memory, bytes)); }
  void free(void *memory) noexcept override { result(cudaFree(memory)); }
  int allocate_pinned(std::size_t bytes, void **memory) override {
    return result(cudaHostAlloc(memory, bytes, cudaHostAllocPortable));
  }
  void free_pinned(void *memory) noexcept override { result(cudaFreeHost(memory)); }

  int create_stream(Stream *stream) override {
    return result(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
  }
  void destroy(Stream stream) noexcept override { result(cudaStreamDestroy(stream)); }
  int synchronize(Stream stream) override { return result(cudaStreamSynchronize(stream)); }

  int create_event(Event *event) override {
    return result(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
  }
  void destroy(Event event) noexcept override { result(cudaEventDestroy(event)); }
  int record(Event event, Stream stream) override { return result(cudaEventRecord(event, stream)); }
  int wait(Stream stream, Event event) override { return result(cudaStreamWaitEvent(stream, event, 0)); }
  int synchronize(Event event) override { return result(cudaEventSynchronize(event)); }

  int copy_to_device(void *to, const void *from, std::size_t bytes, Stream stream) override {
    return result(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream));
  }
  int copy_to_host(void *to, const void *from, std::size_t bytes, Stream stream) override {
    return result(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
  }
  int resize(const Resize &job, Stream stream) override { return launch(job, stream); }
  int finish(const FinishJob &job, Stream stream) override { return launch(job, stream); }
  int depthwise(const DepthwiseJob &job, Stream stream) override { return launch(job, stream); }
  int paint(const PaintHeat &body, Extent extent, Stream stream) override {
    return launch(body, extent, stream);
  }
  int paint(const PaintSpans &body, Extent extent, Stream stream) override {
    return launch(body, extent, stream);
  }

 private:
  const int device_;
};

}  // namespace

std::unique_ptr<Runtime> make_runtime(int device) {
  return std::make_unique<DeviceRuntime>(device);
}

std::string device_name(int device) {
  cudaDeviceProp properties{};
  return result(cudaGetDeviceProperties(&properties, device)) == 0 ? properties.name : "unknown GPU";
}

int compute_capability(int device) {
  int major = 0;
  int minor = 0;
  if (result(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device)) != 0 ||
      result(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device)) != 0)
    return 0;
  return 10 * major + minor;
}

void require_device(int device) {
  int count = 0;
  const int code = result(cudaGetDeviceCount(&count));
  if (code != 0) throw error_of(failure_of(code), device, "looking for a GPU", During::Load);
  if (device < 0 || device >= count)
    throw error_of(failure_of(cudaErrorInvalidDevice), device,
                   "looking for GPU " + std::to_string(device) + " of " + std::to_string(count),
                   During::Load);
}

}  // namespace uniad::cuda
