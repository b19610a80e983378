// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/video/cuda_frame.h"

#include <gtest/gtest.h>

#include <string>

#include "model/base/error.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

bool takes(const char *caps_text) {
  const Ref<GstCaps> wanted(gst_caps_from_string(caps_text));
  const Ref<GstCaps> viewable(cuda_viewable_caps());
  return gst_caps_can_intersect(wanted.get(), viewable.get()) != FALSE;
}

TEST(CudaFrame, CapsAreOfGpuMemoryAndOfTheLayoutsThatKernelsRead) {
  EXPECT_TRUE(takes("video/x-raw(memory:CUDAMemory), format=NV12, width=1920, height=1080, framerate=30/1"));
  EXPECT_TRUE(takes("video/x-raw(memory:CUDAMemory), format=P010_10LE"));
  EXPECT_FALSE(takes("video/x-raw, format=NV12"));
  EXPECT_FALSE(takes("video/x-raw(memory:CUDAMemory), format=Y444"));
}

TEST(CudaFrame, CapsTellWhereFramesLie) {
  const Ref<GstCaps> on_gpu(gst_caps_from_string("video/x-raw(memory:CUDAMemory), format=NV12"));
  EXPECT_TRUE(in_cuda_memory(on_gpu.get()));
  const Ref<GstCaps> in_system(gst_caps_from_string("video/x-raw, format=NV12"));
  EXPECT_FALSE(in_cuda_memory(in_system.get()));
}

TEST(CudaFrame, WithoutDriverQueriesGoUnansweredAndFramesAreRefused) {
  const Ref<GstElement> element(gst_element_factory_make("identity", nullptr));
  gst_object_ref_sink(element.get());
  const auto frames = CudaFrames::create(element.get(), 0);
  const Ref<GstQuery> other(gst_query_new_latency());
  EXPECT_FALSE(frames->answer(other.get()));
  const Ref<GstQuery> query(gst_query_new_context("gst.cuda.context"));
  if (frames->answer(query.get())) GTEST_SKIP() << "there is a GPU here";
  try {
    frames->announce();
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("no CUDA driver"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace uniad::test
