// SPDX-License-Identifier: Apache-2.0
#define GST_USE_UNSTABLE_API

#include "gst-plugin/video/cuda_frame.h"

#include <dlfcn.h>
#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudautils.h>

#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "gst-plugin/base/ref.h"
#include "model/base/error.h"

namespace uniad {

namespace {

GstDebugCategory *cuda_frame_category() {
  static GstDebugCategory *const category =
      _gst_debug_category_new("uniadcudaframe", 0, "UniAD frames in CUDA memory");
  return category;
}

struct StopAndUnref {
  void operator()(GstBufferPool *pool) const {
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
  }
};
using PoolPointer = std::unique_ptr<GstBufferPool, StopAndUnref>;

[[noreturn]] void refuse(const std::string &what, const std::string &hint) {
  throw Error(ErrorKind::Unsupported, "video frame in GPU memory", what, hint);
}

// The flag lies outside GStreamer's enumeration.
GstMapFlags on_gpu(int access) {
  access |= int{GST_MAP_FLAG_LAST} << 1;
  GstMapFlags flags{};
  static_assert(sizeof flags == sizeof access);
  std::memcpy(&flags, &access, sizeof flags);
  return flags;
}

// The device's primary context. It is retained until the process ends, because other elements may keep the
// GstCudaContext that wraps it for any length of time.
CUcontext primary_context(int device) {
  if (gst_cuda_load_library() == FALSE || CuInit(0) != CUDA_SUCCESS)
    refuse("there is no CUDA driver", "install the NVIDIA driver");
  // GStreamer's table of driver functions does not contain this one. The library is already open.
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  const auto retain = reinterpret_cast<CUresult (*)(CUcontext *, CUdevice)>(
      driver != nullptr ? dlsym(driver, "cuDevicePrimaryCtxRetain") : nullptr);
  CUcontext context = nullptr;
  if (retain == nullptr || retain(&context, device) != CUDA_SUCCESS)
    refuse("CUDA device " + std::to_string(device) + " provides no context",
           "run nvidia-smi to list the devices");
  return context;
}

bool is_cuda_memory(GstBuffer *buffer) {
  return gst_buffer_n_memory(buffer) == 1 && gst_is_cuda_memory(gst_buffer_peek_memory(buffer, 0)) != FALSE;
}

GstCudaMemory *memory_of(GstBuffer *buffer) {
  if (!is_cuda_memory(buffer))
    refuse("the buffer is not one piece of CUDA memory", "put cudaupload before the element");
  return GST_CUDA_MEMORY_CAST(gst_buffer_peek_memory(buffer, 0));
}

// Since GStreamer 1.24, an element may pass on memory that its CUDA stream is still writing to.
void wait_for_writer([[maybe_unused]] GstCudaMemory *memory) {
#if GST_CHECK_VERSION(1, 24, 0)
  gst_cuda_memory_sync(memory);
#endif
}

int device_of(GstCudaContext *context) {
  guint device = 0;
  g_object_get(context, "cuda-device-id", &device, nullptr);
  return static_cast<int>(device);
}

class FrameInGpuMemory : public MappedFrame {
 public:
  // For write access, the buffer must be writable. Memory that is shared with other buffers is copied.
  FrameInGpuMemory(GstBuffer *buffer, const GstVideoInfo &info, int device, int access = GST_MAP_READ) {
    if (gst_buffer_map(buffer, &map_, on_gpu(access)) == FALSE)
      refuse("it cannot be mapped", "run with GST_DEBUG=cuda*:5 for the driver's message");
    buffer_.reset(gst_buffer_ref(buffer));
    GstCudaMemory *memory = GST_CUDA_MEMORY_CAST(map_.memory);
    wait_for_writer(memory);
    // The memory determines where the planes are; the caps determine how to read them.
    GstVideoFrame frame{};
    frame.info = info;
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(&info); ++i) {
      frame.info.stride[i] = memory->info.stride[i];
      frame.data[i] = map_.data + memory->info.offset[i];
    }
    frame.flags =
        GST_VIDEO_INFO_IS_INTERLACED(&info) ? GST_VIDEO_FRAME_FLAG_INTERLACED : GST_VIDEO_FRAME_FLAG_NONE;
    try {
      view_ = view_of(frame);
      if (view_.layout == PixelLayout::Rows)
        refuse(std::string("its format ") + GST_VIDEO_INFO_NAME(&info) +
                   " or interlacing is not supported on the GPU",
               "put cudaconvert or, for interlaced video, a deinterlacer before the element");
    } catch (...) {
      gst_buffer_unmap(buffer, &map_);
      throw;
    }
    view_.cuda_device = device;
  }
  ~FrameInGpuMemory() override { gst_buffer_unmap(buffer_.get(), &map_); }

 private:
  Ref<GstBuffer> buffer_;
  GstMapInfo map_{};
};

class Frames : public CudaFrames {
 public:
  Frames(GstElement *element, int device) : element_(element), device_(device) {}

  bool answer(GstQuery *query) override {
    const gchar *type = nullptr;
    if (GST_QUERY_TYPE(query) != GST_QUERY_CONTEXT || gst_query_parse_context_type(query, &type) == FALSE ||
        g_strcmp0(type, GST_CUDA_CONTEXT_TYPE) != 0)
      return false;
    try {
      return gst_cuda_handle_context_query(element_, query, context()) != FALSE;
    } catch (const Error &) {
      return false;  // map() reports the reason if a frame arrives
    }
  }

  void announce() override {
    GstContext *context = gst_context_new_cuda_context(this->context());
    gst_element_set_context(element_, context);
    gst_element_post_message(element_, gst_message_new_have_context(GST_OBJECT(element_), context));
  }

  std::unique_ptr<MappedFrame> map(GstBuffer *buffer, const GstVideoInfo &info) override {
    GstCudaContext *own = context();
    GstCudaContext *theirs = memory_of(buffer)->context;
    if (device_of(theirs) != device_)
      refuse("it is on CUDA device " + std::to_string(device_of(theirs)) + ", but the network is on device " +
                 std::to_string(device_),
             "decode and detect on the same GPU");
    if (gst_cuda_context_get_handle(theirs) == gst_cuda_context_get_handle(own))
      return std::make_unique<FrameInGpuMemory>(buffer, info, device_);
    GST_CAT_LOG_OBJECT(cuda_frame_category(), element_,
                       "copying a frame from another context of CUDA device %d", device_);
    const Ref<GstBuffer> copy = copied(buffer, info, own);
    return std::make_unique<FrameInGpuMemory>(copy.get(), info, device_);
  }

  std::unique_ptr<MappedFrame> map_for_drawing(GstBuffer *buffer, const GstVideoInfo &info) override {
    GstCudaContext *theirs = memory_of(buffer)->context;
    if (device_of(theirs) != device_ ||
        gst_cuda_context_get_handle(theirs) != gst_cuda_context_get_handle(context()))
      return nullptr;
    return std::make_unique<FrameInGpuMemory>(buffer, info, device_, GST_MAP_READWRITE);
  }

 private:
  GstCudaContext *context() {
    const std::lock_guard lock(mutex_);
    if (!context_) {
      CUcontext primary = primary_context(device_);
      gst_cuda_memory_init_once();
      context_.reset(gst_cuda_context_new_wrapped(primary, device_));
      if (!context_)
        refuse("GStreamer does not accept the device's context", "run with GST_DEBUG=cuda*:5 for details");
      GST_CAT_DEBUG_OBJECT(cuda_frame_category(), element_, "sharing the primary context of CUDA device %d",
                           device_);
    }
    return context_.get();
  }

  // Kernels cannot read memory of another context, but copies can.
  Ref<GstBuffer> copied(GstBuffer *buffer, const GstVideoInfo &info, GstCudaContext *own) {
    GstBuffer *copy = nullptr;
    if (gst_buffer_pool_acquire_buffer(pool_for(info, own), &copy, nullptr) != GST_FLOW_OK)
      refuse("there is not enough GPU memory for a copy", "run nvidia-smi to see what uses it");
    Ref<GstBuffer> owned(copy);
    const FrameInGpuMemory from(buffer, info, device_);
    GstCudaMemory *target = memory_of(copy);
    GstMapInfo map;
    if (gst_memory_map(GST_MEMORY_CAST(target), &map, on_gpu(GST_MAP_WRITE)) == FALSE)
      refuse("its copy cannot be mapped", "run with GST_DEBUG=cuda*:5 for details");
    // The driver returns before a copy within the device is complete.
    const bool done = gst_cuda_context_push(own) != FALSE &&
                      copy_planes(from.view(), info, *target, map.data) &&
                      CuStreamSynchronize(nullptr) == CUDA_SUCCESS;
    gst_cuda_context_pop(nullptr);
    gst_memory_unmap(map.memory, &map);
    if (!done) refuse("it cannot be copied between contexts", "run with GST_DEBUG=cuda*:5 for details");
    return owned;
  }

  static bool copy_planes(const FrameView &from, const GstVideoInfo &info, const GstCudaMemory &to,
                          guint8 *data) {
    // The view has Cb before Cr, whatever the order of the format.
    const bool cr_first = GST_VIDEO_INFO_FORMAT(&info) == GST_VIDEO_FORMAT_YV12;
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(&info); ++i) {
      const Plane &plane = from.planes[cr_first && i > 0 ? 3 - i : i];
      gint component = 0;
      while (GST_VIDEO_INFO_COMP_PLANE(&info, component) != i) ++component;
      CUDA_MEMCPY2D copy{};
      copy.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
      copy.srcDevice = reinterpret_cast<CUdeviceptr>(plane.data);
      copy.srcPitch = static_cast<std::size_t>(plane.stride);
      copy.dstMemoryType = CU_MEMORYTYPE_UNIFIED;
      copy.dstDevice = reinterpret_cast<CUdeviceptr>(data + to.info.offset[i]);
      copy.dstPitch = static_cast<std::size_t>(to.info.stride[i]);
      copy.WidthInBytes = static_cast<std::size_t>(GST_VIDEO_INFO_COMP_WIDTH(&info, component)) *
                          static_cast<std::size_t>(GST_VIDEO_INFO_COMP_PSTRIDE(&info, component));
      copy.Height = static_cast<std::size_t>(GST_VIDEO_INFO_COMP_HEIGHT(&info, component));
      if (CuMemcpy2D(&copy) != CUDA_SUCCESS) return false;
    }
    return true;
  }

  GstBufferPool *pool_for(const GstVideoInfo &info, GstCudaContext *own) {
    const std::lock_guard lock(mutex_);
    if (pool_ && gst_video_info_is_equal(&pool_info_, &info) != FALSE) return pool_.get();
    PoolPointer pool(gst_cuda_buffer_pool_new(own));
    GstStructure *config = gst_buffer_pool_get_config(pool.get());
    GstCaps *caps = gst_video_info_to_caps(&info);
    gst_caps_set_features(caps, 0, gst_caps_features_new(GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY, nullptr));
    gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)), 0, 0);
    gst_caps_unref(caps);
    if (gst_buffer_pool_set_config(pool.get(), config) == FALSE ||
        gst_buffer_pool_set_active(pool.get(), TRUE) == FALSE)
      refuse("there is not enough GPU memory for a copy", "run nvidia-smi to see what uses it");
    pool_ = std::move(pool);
    pool_info_ = info;
    return pool_.get();
  }

  GstElement *const element_;
  const int device_;
  std::mutex mutex_;  // guards the members below
  Ref<GstCudaContext> context_;
  GstVideoInfo pool_info_{};
  PoolPointer pool_;
};

}  // namespace

GstCaps *cuda_viewable_caps() {
  return gst_caps_from_string(GST_VIDEO_CAPS_MAKE_WITH_FEATURES(
      GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY,
      "{ NV12, I420, YV12, P010_10LE, YUY2, RGB, BGR, RGBx, BGRx, RGBA, BGRA, ARGB, ABGR }"));
}

bool in_cuda_memory(const GstCaps *caps) {
  return gst_caps_features_contains(gst_caps_get_features(caps, 0), GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY) !=
         FALSE;
}

std::optional<int> cuda_device_of(GstBuffer *buffer) {
  if (!is_cuda_memory(buffer)) return std::nullopt;
  return device_of(memory_of(buffer)->context);
}

std::unique_ptr<CudaFrames> CudaFrames::create(GstElement *element, int device) {
  return std::make_unique<Frames>(element, device);
}

}  // namespace uniad
