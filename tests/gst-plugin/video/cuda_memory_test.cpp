// SPDX-License-Identifier: Apache-2.0
//
// Frames in GStreamer's own CUDA memory, on a driver whose device is the host (tests/support).
#define GST_USE_UNSTABLE_API

#include <dlfcn.h>
#include <gst/check/gstharness.h>
#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudautils.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/overlay/uniadoverlay.h"
#include "gst-plugin/video/cuda_frame.h"
#include "gst-plugin/video/mapped_frame.h"
#include "model/base/error.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

int downloads() {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  const auto count =
      driver != nullptr ? reinterpret_cast<int (*)()>(dlsym(driver, "host_cuda_driver_downloads")) : nullptr;
  return count != nullptr ? count() : -1;
}

GstVideoInfo video_info(GstVideoFormat format) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, 322, 182);
  return info;
}

Ref<GstCaps> caps_of(const GstVideoInfo &info, bool on_gpu) {
  Ref<GstCaps> caps(gst_video_info_to_caps(&info));
  if (on_gpu)
    gst_caps_set_features_simple(caps.get(),
                                 gst_caps_features_new(GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY, nullptr));
  return caps;
}

Ref<GstBuffer> noise(const GstVideoInfo &info) {
  Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  GstMapInfo map;
  gst_buffer_map(buffer.get(), &map, GST_MAP_WRITE);
  std::uint32_t state = 1;
  for (gsize i = 0; i < map.size; ++i)
    map.data[i] = static_cast<guint8>((state = state * 1664525 + 1013904223) >> 24);
  gst_buffer_unmap(buffer.get(), &map);
  return buffer;
}

void copy_picture(GstBuffer *source, GstBuffer *target, const GstVideoInfo &info) {
  GstVideoFrame from;
  GstVideoFrame to;
  EXPECT_TRUE(gst_video_frame_map(&from, &info, source, GST_MAP_READ));
  EXPECT_TRUE(gst_video_frame_map(&to, &info, target, GST_MAP_WRITE));
  gst_video_frame_copy(&to, &from);
  gst_video_frame_unmap(&to);
  gst_video_frame_unmap(&from);
}

// Appends the visible part of a plane, without the padding of its rows.
void append_rows(const guint8 *data, std::ptrdiff_t stride, const GstVideoInfo &info, guint plane,
                 std::vector<guint8> &bytes) {
  std::array<gint, GST_VIDEO_MAX_COMPONENTS> components{};
  gst_video_format_info_component(info.finfo, plane, components.data());
  const auto component = static_cast<guint>(components[0]);
  const int width =
      GST_VIDEO_INFO_COMP_WIDTH(&info, component) * GST_VIDEO_INFO_COMP_PSTRIDE(&info, component);
  for (int y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(&info, component); ++y) {
    const guint8 *row = data + stride * y;
    bytes.insert(bytes.end(), row, row + width);
  }
}

std::vector<guint8> bytes_of(GstBuffer *buffer, const GstVideoInfo &info) {
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  std::vector<guint8> bytes;
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane)
    append_rows(static_cast<const guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)),
                GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane), info, plane, bytes);
  gst_video_frame_unmap(&frame);
  return bytes;
}

class CudaMemory : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
    GST_ELEMENT_REGISTER(uniadoverlay, nullptr);
    gst_cuda_load_library();
    gst_cuda_memory_init_once();
  }

  void SetUp() override {
    ASSERT_GE(downloads(), 0) << "libcuda.so.1 is not the tests' own: see meson.build";
  }

  // Returns the context that an element of UniAD offers to its neighbors.
  Ref<GstCudaContext> primary() {
    const Ref<GstElement> element(gst_element_factory_make("identity", nullptr));
    gst_object_ref_sink(element.get());
    const auto frames = CudaFrames::create(element.get(), 0);
    const Ref<GstQuery> query(gst_query_new_context(GST_CUDA_CONTEXT_TYPE));
    EXPECT_TRUE(frames->answer(query.get()));
    GstContext *context = nullptr;
    gst_query_parse_context(query.get(), &context);
    GstCudaContext *cuda = nullptr;
    gst_structure_get(gst_context_get_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &cuda,
                      nullptr);
    return Ref<GstCudaContext>(cuda);
  }
  Ref<GstCudaContext> another() { return Ref<GstCudaContext>(gst_cuda_context_new(0)); }

  // Returns a copy of the picture in a context's memory, only on the device.
  Ref<GstBuffer> on_gpu(GstBuffer *picture, const GstVideoInfo &info, GstCudaContext *context,
                        const std::function<void(GstStructure *)> &configure_pool = {}) {
    const Ref<GstBufferPool> pool(gst_cuda_buffer_pool_new(context));
    GstStructure *config = gst_buffer_pool_get_config(pool.get());
    if (configure_pool) configure_pool(config);
    gst_buffer_pool_config_set_params(config, caps_of(info, true).get(), static_cast<guint>(info.size), 0, 0);
    EXPECT_TRUE(gst_buffer_pool_set_config(pool.get(), config));
    gst_buffer_pool_set_active(pool.get(), TRUE);
    GstBuffer *buffer = nullptr;
    EXPECT_EQ(gst_buffer_pool_acquire_buffer(pool.get(), &buffer, nullptr), GST_FLOW_OK);
    copy_picture(picture, buffer, info);
    gst_buffer_pool_set_active(pool.get(), FALSE);
    return Ref<GstBuffer>(buffer);
  }
};

std::vector<guint8> viewed(const FrameView &view, const GstVideoInfo &info) {
  std::vector<guint8> bytes;
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane)
    append_rows(view.planes[plane].data, view.planes[plane].stride, info, plane, bytes);
  return bytes;
}

TEST_F(CudaMemory, IsViewedWhereItLiesOrInACopyWhereItLiesInAnotherContext) {
  const Ref<GstElement> element(gst_element_factory_make("identity", nullptr));
  gst_object_ref_sink(element.get());
  const auto frames = CudaFrames::create(element.get(), 0);
  for (const GstVideoFormat format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGBA})
    for (const bool elsewhere : {false, true}) {
      const GstVideoInfo info = video_info(format);
      const auto picture = noise(info);
      const auto context = elsewhere ? another() : primary();
      const auto buffer = on_gpu(picture.get(), info, context.get());
      const int before = downloads();
      const auto held = frames->map(buffer.get(), info);
      EXPECT_EQ(held->view().cuda_device, 0);
      EXPECT_EQ(downloads(), before);
      // The driver's memory is the host's, so the test can read what kernels would read.
      const auto in_system = map_frame(picture.get(), info);
      EXPECT_EQ(viewed(held->view(), info), viewed(in_system->view(), info))
          << gst_video_format_to_string(format) << (elsewhere ? " elsewhere" : "");
    }
}

#if GST_CHECK_VERSION(1, 24, 0)
TEST_F(CudaMemory, IsViewedOnlyWhenTheStreamThatWritesToItIsDone) {
  const Ref<GstElement> element(gst_element_factory_make("identity", nullptr));
  gst_object_ref_sink(element.get());
  const auto frames = CudaFrames::create(element.get(), 0);
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12);
  const auto picture = noise(info);
  const auto in_system = map_frame(picture.get(), info);
  for (const bool elsewhere : {false, true}) {
    const auto context = elsewhere ? another() : primary();
    const std::unique_ptr<GstCudaStream, void (*)(GstCudaStream *)> stream(gst_cuda_stream_new(context.get()),
                                                                           gst_cuda_stream_unref);
    ASSERT_TRUE(stream);
    // The stream copies the picture to the device when the frame is first mapped there.
    const auto buffer = on_gpu(picture.get(), info, context.get(), [&stream](GstStructure *config) {
      gst_buffer_pool_config_set_cuda_stream(config, stream.get());
    });
    const auto held = frames->map(buffer.get(), info);
    EXPECT_EQ(viewed(held->view(), info), viewed(in_system->view(), info)) << (elsewhere ? "elsewhere" : "");
  }
}
#endif

TEST_F(CudaMemory, IsDrawnOnOnlyInThePrimaryContext) {
  const Ref<GstElement> element(gst_element_factory_make("identity", nullptr));
  gst_object_ref_sink(element.get());
  const auto frames = CudaFrames::create(element.get(), 0);
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12);
  const auto picture = noise(info);
  const auto reachable = on_gpu(picture.get(), info, primary().get());
  EXPECT_EQ(cuda_device_of(reachable.get()), 0);
  EXPECT_NE(frames->map_for_drawing(reachable.get(), info), nullptr);
  const auto elsewhere = on_gpu(picture.get(), info, another().get());
  EXPECT_EQ(frames->map_for_drawing(elsewhere.get(), info), nullptr);
  EXPECT_EQ(cuda_device_of(picture.get()), std::nullopt);
}

// Runs uniadoverlay on frames whose left part is anomalous.
class OverlayOnGpu : public CudaMemory {
 protected:
  Ref<GstBuffer> drawn(const GstVideoInfo &info, Ref<GstBuffer> buffer, bool on_gpu) {
    const Ref<GstElement> element(
        GST_ELEMENT(gst_object_ref_sink(g_object_new(GST_TYPE_UNIAD_OVERLAY, "boxes", TRUE, nullptr))));
    const Harness harness(gst_harness_new_with_element(element.get(), "sink", "src"));
    gst_harness_set_src_caps(harness.get(), caps_of(info, on_gpu).release());
    auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), "gate", 2, 0);
    gst_anomaly_meta_set_threshold(meta, 1, 0.9);
    const std::array<float, 4> grid{2, 0, 2, 0};
    gst_anomaly_meta_set_grid(meta, 2, 2, grid.data());
    const GstAnomalyRegion region{
        .x = 0.1F, .y = 0.1F, .w = 0.3F, .h = 0.8F, .score = 2, .zone = nullptr, .kind = nullptr};
    gst_anomaly_meta_set_regions(meta, &region, 1);
    EXPECT_EQ(gst_harness_push(harness.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness.get()));
  }

  static void open_module() {
    ASSERT_NE(dlopen(HOST_CUDA_MODULE, RTLD_NOW | RTLD_LOCAL), nullptr) << dlerror();
  }

  int largest_difference(const GstVideoInfo &info, GstBuffer *a, GstBuffer *b) {
    const auto left = bytes_of(a, info);
    const auto right = bytes_of(b, info);
    int largest = 0;
    for (std::size_t i = 0; i < left.size(); ++i) largest = std::max(largest, std::abs(left[i] - right[i]));
    return largest;
  }
};

// Must run before the other tests, because a module stays open.
TEST_F(OverlayOnGpu, DownloadsWhereNobodyHasOpenedTheModule) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12);
  const auto picture = noise(info);
  const auto expected = drawn(info, Ref<GstBuffer>(gst_buffer_copy_deep(picture.get())), false);
  ASSERT_GT(largest_difference(info, picture.get(), expected.get()), 100);
  const auto out = drawn(info, on_gpu(picture.get(), info, primary().get()), true);
  EXPECT_EQ(largest_difference(info, expected.get(), out.get()), 0);
}

TEST_F(OverlayOnGpu, DrawsWhereTheFrameLies) {
  open_module();
  for (const GstVideoFormat format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGB}) {
    const GstVideoInfo info = video_info(format);
    const auto picture = noise(info);
    const auto expected = drawn(info, Ref<GstBuffer>(gst_buffer_copy_deep(picture.get())), false);
    auto buffer = on_gpu(picture.get(), info, primary().get());
    const GstMemory *memory = gst_buffer_peek_memory(buffer.get(), 0);
    const int before = downloads();
    const auto out = drawn(info, std::move(buffer), true);
    EXPECT_EQ(downloads(), before) << gst_video_format_to_string(format);
    EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
    EXPECT_LE(largest_difference(info, expected.get(), out.get()), 1) << gst_video_format_to_string(format);
    EXPECT_GT(downloads(), before);  // by the comparison; this shows that the driver does count
  }
}

TEST_F(OverlayOnGpu, DownloadsWhatItsKernelsDoNotReach) {
  open_module();
  for (const auto &[format, elsewhere] :
       {std::pair(GST_VIDEO_FORMAT_NV12, true), std::pair(GST_VIDEO_FORMAT_P010_10LE, false),
        std::pair(GST_VIDEO_FORMAT_YV12, false), std::pair(GST_VIDEO_FORMAT_RGBA, false)}) {
    const GstVideoInfo info = video_info(format);
    const auto picture = noise(info);
    const auto expected = drawn(info, Ref<GstBuffer>(gst_buffer_copy_deep(picture.get())), false);
    const auto context = elsewhere ? another() : primary();
    const auto out = drawn(info, on_gpu(picture.get(), info, context.get()), true);
    EXPECT_EQ(largest_difference(info, expected.get(), out.get()), 0) << gst_video_format_to_string(format);
  }
}

TEST_F(OverlayOnGpu, TheOtherBranchOfATeeStaysAsItWas) {
  open_module();
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12);
  const auto picture = noise(info);
  const auto original = on_gpu(picture.get(), info, primary().get());
  const auto expected = drawn(info, Ref<GstBuffer>(gst_buffer_copy_deep(picture.get())), false);
  const auto out = drawn(info, Ref<GstBuffer>(gst_buffer_copy(original.get())), true);
  EXPECT_EQ(largest_difference(info, original.get(), picture.get()), 0);
  EXPECT_LE(largest_difference(info, expected.get(), out.get()), 1);
}

const std::string any_file = std::string(UNIAD_SOURCE_ROOT) + "/meson.build";  // serves as a model

// Frames are judged and drawn on, as in a pipeline between a decoder and an encoder on the GPU.
TEST_F(OverlayOnGpu, FromTheDetectorToTheEncoderNothingIsDownloaded) {
  open_module();
  std::vector<std::optional<int>> devices;
  const auto run = [&](const GstVideoInfo &info, Ref<GstBuffer> buffer, bool on_gpu) {
    fake_network().reset();
    fake_network().judge = [&](const FrameView &frame) {
      devices.push_back(frame.cuda_device);
      return FakeNetwork::first_byte(frame);
    };
    if (on_gpu) fake_network().cuda_device = 0;
    const Harness harness(gst_harness_new_parse(
        ("uniaddetect mode=sync source=gate threshold=0.001 model=" + any_file + " ! uniadoverlay").c_str()));
    gst_harness_set_src_caps(harness.get(), caps_of(info, on_gpu).release());
    EXPECT_EQ(gst_harness_push(harness.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness.get()));
  };
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12);
  const auto picture = noise(info);
  const auto expected = run(info, Ref<GstBuffer>(gst_buffer_copy_deep(picture.get())), false);
  ASSERT_GT(largest_difference(info, picture.get(), expected.get()), 100);
  auto frame = on_gpu(picture.get(), info, primary().get());
  const int before = downloads();
  const auto out = run(info, std::move(frame), true);
  EXPECT_EQ(downloads(), before);
  EXPECT_EQ(devices, (std::vector<std::optional<int>>{std::nullopt, 0}));
  EXPECT_LE(largest_difference(info, expected.get(), out.get()), 1);
  fake_network().reset();
}

}  // namespace
}  // namespace uniad::test
