// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/kernel_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/model/cuda/host_runtime.h"

namespace uniad::test {
namespace {

TEST(CudaKernelChecks, PassOnTheHost) {
  HostRuntime runtime;
  const std::vector<SelfTest> tests = cuda::check_kernels(runtime);
  EXPECT_GT(tests.size(), 80U);
  for (const SelfTest &test : tests)
    EXPECT_TRUE(test.passed()) << test.name << ": " << test.largest << " of " << test.tolerance << " "
                               << test.failure;
  EXPECT_EQ(runtime.owned(), 0U);
}

// A device whose kernels can stop working. Like a driver, it does not clear freed memory before it is
// allocated again.
class FadingRuntime : public HostRuntime {
 public:
  bool works = true;

  int allocate(std::size_t bytes, void **memory) override {
    for (auto block = freed_.begin(); block != freed_.end(); ++block)
      if (sizes_[*block] == bytes) {
        *memory = *block;
        freed_.erase(block);
        return 0;
      }
    const int code = HostRuntime::allocate(bytes, memory);
    if (code == 0) sizes_[*memory] = bytes;
    return code;
  }
  void free(void *memory) noexcept override {
    if (memory != nullptr) freed_.push_front(memory);
  }

  int resize(const cuda::Resize &job, cuda::Stream stream) override {
    return works ? HostRuntime::resize(job, stream) : 0;
  }
  int finish(const cuda::FinishJob &job, cuda::Stream stream) override {
    return works ? HostRuntime::finish(job, stream) : 0;
  }
  int depthwise(const cuda::DepthwiseJob &job, cuda::Stream stream) override {
    return works ? HostRuntime::depthwise(job, stream) : 0;
  }
  int paint(const cuda::PaintHeat &body, cuda::Extent extent, cuda::Stream stream) override {
    return works ? HostRuntime::paint(body, extent, stream) : 0;
  }
  int paint(const cuda::PaintSpans &body, cuda::Extent extent, cuda::Stream stream) override {
    return works ? HostRuntime::paint(body, extent, stream) : 0;
  }

 private:
  std::map<void *, std::size_t> sizes_;
  std::deque<void *> freed_;
};

TEST(CudaKernelChecks, FailWhereKernelsDoNothing) {
  FadingRuntime runtime;
  runtime.works = false;
  for (const SelfTest &test : cuda::check_kernels(runtime)) EXPECT_FALSE(test.passed()) << test.name;
}

TEST(CudaKernelChecks, FailWhereKernelsStopAndOldResultsAreStillInMemory) {
  FadingRuntime runtime;
  for (const SelfTest &test : cuda::check_kernels(runtime)) EXPECT_TRUE(test.passed()) << test.name;
  runtime.works = false;
  for (const SelfTest &test : cuda::check_kernels(runtime)) EXPECT_FALSE(test.passed()) << test.name;
}

TEST(CudaKernelChecks, TellOfADeviceThatFails) {
  class FailingRuntime : public HostRuntime {
   public:
    int resize(const cuda::Resize &, cuda::Stream) override { return 700; }
  } runtime;
  const std::vector<SelfTest> tests = cuda::check_kernels(runtime);
  EXPECT_NE(tests.front().failure.find("preprocessing a frame failed with cudaErrorOther"),
            std::string::npos);
  EXPECT_FALSE(tests.front().passed());
}

}  // namespace
}  // namespace uniad::test
