// SPDX-License-Identifier: Apache-2.0
//
// A replacement of libcuda.so.1 with one device, whose memory is the host's. It implements what GStreamer's
// CUDA library calls and refuses what needs a real device (host_cuda_refusals.c). Work on a stream is done
// only when something waits for the stream. Copies from the device to the host are counted.
#include <cuda.h>
#include <cudaGL.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

namespace {

std::atomic<int> downloads;

struct Context {
  int unused = 0;
};
thread_local std::vector<CUcontext> current;

struct Stream {
  std::mutex mutex;
  std::vector<CUDA_MEMCPY2D> waiting;
};

CUcontext primary() {
  static Context context;
  return reinterpret_cast<CUcontext>(&context);
}

CUresult copy(const CUDA_MEMCPY2D &job) {
  const char *from = job.srcMemoryType == CU_MEMORYTYPE_HOST ? static_cast<const char *>(job.srcHost)
                                                             : reinterpret_cast<const char *>(job.srcDevice);
  char *to = job.dstMemoryType == CU_MEMORYTYPE_HOST ? static_cast<char *>(job.dstHost)
                                                     : reinterpret_cast<char *>(job.dstDevice);
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (job.dstMemoryType == CU_MEMORYTYPE_HOST) ++downloads;
  for (std::size_t row = 0; row < job.Height; ++row)
    std::memcpy(to + (job.dstY + row) * job.dstPitch + job.dstXInBytes,
                from + (job.srcY + row) * job.srcPitch + job.srcXInBytes, job.WidthInBytes);
  return CUDA_SUCCESS;
}

CUresult finish(Stream &stream) {
  std::vector<CUDA_MEMCPY2D> jobs;
  {
    const std::lock_guard lock(stream.mutex);
    jobs = std::exchange(stream.waiting, {});
  }
  for (const CUDA_MEMCPY2D &job : jobs)
    if (const CUresult result = copy(job); result != CUDA_SUCCESS) return result;
  return CUDA_SUCCESS;
}

CUresult take(void **memory, std::size_t bytes) {
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *memory = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  return *memory != nullptr ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int host_cuda_driver_downloads() {
  return downloads;
}

CUresult cuInit(unsigned) {
  return CUDA_SUCCESS;
}
CUresult cuDriverGetVersion(int *version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult, const char **text) {
  *text = "CUDA_ERROR";
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
  return cuGetErrorName(error, text);
}

CUresult cuDeviceGetCount(int *count) {
  *count = 1;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char *name, int length, CUdevice) {
  std::strncpy(name, "host", static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice) {
  *value = attribute == CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT ? 512 : 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceCanAccessPeer(int *can, CUdevice, CUdevice) {
  *can = 0;
  return CUDA_SUCCESS;
}

#undef cuDevicePrimaryCtxRetain
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
  *context = primary();
  return CUDA_SUCCESS;
}
#undef cuCtxCreate
CUresult cuCtxCreate_v2(CUcontext *context, unsigned, CUdevice) {
  *context = reinterpret_cast<CUcontext>(new Context);
  current.push_back(*context);
  return CUDA_SUCCESS;
}
CUresult cuCtxDestroy(CUcontext context) {
  if (context != primary()) delete reinterpret_cast<Context *>(context);
  return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent(CUcontext context) {
  current.push_back(context);
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext *context) {
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = current.back();
  current.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr *memory, std::size_t bytes) {
  return take(reinterpret_cast<void **>(memory), bytes);
}
CUresult cuMemAllocPitch(CUdeviceptr *memory, std::size_t *pitch, std::size_t width, std::size_t height,
                         unsigned) {
  *pitch = (width + 511) / 512 * 512;
  return cuMemAlloc(memory, *pitch * height);
}
CUresult cuMemFree(CUdeviceptr memory) {
  std::free(reinterpret_cast<void *>(memory));
  return CUDA_SUCCESS;
}
CUresult cuMemAllocHost(void **memory, std::size_t bytes) {
  return take(memory, bytes);
}
CUresult cuMemFreeHost(void *memory) {
  std::free(memory);
  return CUDA_SUCCESS;
}
CUresult cuMemcpy2D(const CUDA_MEMCPY2D *job) {
  return copy(*job);
}
CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *job, CUstream stream) {
  if (stream == nullptr) return copy(*job);
  auto &queue = *reinterpret_cast<Stream *>(stream);
  const std::lock_guard lock(queue.mutex);
  queue.waiting.push_back(*job);
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned) {
  *stream = reinterpret_cast<CUstream>(new Stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  delete reinterpret_cast<Stream *>(stream);
  return CUDA_SUCCESS;
}
#undef cuStreamDestroy  // GStreamer 1.22 looks up the old name
CUresult cuStreamDestroy(CUstream stream) {
  return cuStreamDestroy_v2(stream);
}
CUresult cuStreamSynchronize(CUstream stream) {
  return stream == nullptr ? CUDA_SUCCESS : finish(*reinterpret_cast<Stream *>(stream));
}
}
