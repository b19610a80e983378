// SPDX-License-Identifier: Apache-2.0
// The module's interface to a device, which tests implement on the host.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "model/cuda/convolution.h"
#include "model/cuda/failure.h"
#include "model/cuda/heat_kernel.h"
#include "model/cuda/resize.h"
#include "model/cuda/span_kernel.h"

// cudaStream_t and cudaEvent_t without a CUDA header.
struct CUstream_st;
struct CUevent_st;

namespace uniad::cuda {

using Stream = CUstream_st *;
using Event = CUevent_st *;

// The CUDA calls of this module for one device, so that tests can run it without a GPU and make any call
// fail. Every call returns 0 or a cudaError_t. Calls with a stream are asynchronous, in stream order.
class Runtime {
 public:
  Runtime() = default;
  virtual ~Runtime() = default;
  Runtime(const Runtime &) = delete;
  Runtime &operator=(const Runtime &) = delete;

  virtual int device() const = 0;
  virtual Failure describe(int code) const = 0;

  virtual int allocate(std::size_t bytes, void **memory) = 0;
  virtual void free(void *memory) noexcept = 0;
  virtual int allocate_pinned(std::size_t bytes, void **memory) = 0;  // host memory that the device can read
  virtual void free_pinned(void *memory) noexcept = 0;

  virtual int create_stream(Stream *stream) = 0;
  virtual void destroy(Stream stream) noexcept = 0;
  virtual int synchronize(Stream stream) = 0;

  virtual int create_event(Event *event) = 0;
  virtual void destroy(Event event) noexcept = 0;
  virtual int record(Event event, Stream stream) = 0;
  virtual int wait(Stream stream, Event event) = 0;  // does not wait if never recorded
  virtual int synchronize(Event event) = 0;

  virtual int copy_to_device(void *to, const void *from, std::size_t bytes, Stream stream) = 0;
  virtual int copy_to_host(void *to, const void *from, std::size_t bytes, Stream stream) = 0;
  virtual int resize(const Resize &job, Stream stream) = 0;
  virtual int finish(const FinishJob &job, Stream stream) = 0;
  virtual int depthwise(const DepthwiseJob &job, Stream stream) = 0;
  virtual int paint(const PaintHeat &body, Extent extent, Stream stream) = 0;
  virtual int paint(const PaintSpans &body, Extent extent, Stream stream) = 0;
};

// Throws error_of() if the code is not 0.
inline void check(const Runtime &runtime, int code, std::string_view doing, During during) {
  if (code != 0) throw error_of(runtime.describe(code), runtime.device(), std::string(doing), during);
}

// Owners of a runtime's resources.
template <void (Runtime::*give_back)(void *) noexcept>
struct FreeMemory {
  Runtime *runtime = nullptr;
  void operator()(void *memory) const noexcept { (runtime->*give_back)(memory); }
};
using DeviceMemory = std::unique_ptr<void, FreeMemory<&Runtime::free>>;
using PinnedMemory = std::unique_ptr<void, FreeMemory<&Runtime::free_pinned>>;

struct Destroy {
  Runtime *runtime = nullptr;
  template <typename Handle>
  void operator()(Handle *handle) const noexcept {
    runtime->destroy(handle);
  }
};
using OwnedStream = std::unique_ptr<CUstream_st, Destroy>;
using OwnedEvent = std::unique_ptr<CUevent_st, Destroy>;

inline DeviceMemory allocate(Runtime &runtime, std::size_t bytes, During during) {
  void *memory = nullptr;
  check(runtime, runtime.allocate(bytes, &memory), "taking " + std::to_string(bytes) + " bytes of GPU memory",
        during);
  return {memory, {&runtime}};
}

inline PinnedMemory allocate_pinned(Runtime &runtime, std::size_t bytes, During during) {
  void *memory = nullptr;
  check(runtime, runtime.allocate_pinned(bytes, &memory),
        "pinning " + std::to_string(bytes) + " bytes of memory", during);
  return {memory, {&runtime}};
}

inline OwnedStream create_stream(Runtime &runtime) {
  Stream stream = nullptr;
  check(runtime, runtime.create_stream(&stream), "creating a stream", During::Load);
  return {stream, {&runtime}};
}

inline OwnedEvent create_event(Runtime &runtime) {
  Event event = nullptr;
  check(runtime, runtime.create_event(&event), "creating an event", During::Load);
  return {event, {&runtime}};
}

}  // namespace uniad::cuda
