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

// A device whose kernels do nothing.
class IdleRuntime : public HostRuntime {
 public:
  int resize(const cuda::Resize &, cuda::Stream) override { return 0; }
  int finish(const cuda::FinishJob &, cuda::Stream) override { return 0; }
  int depthwise(const cuda::DepthwiseJob &, cuda::Stream) override { return 0; }
  int paint(const cuda::PaintHeat &, cuda::Extent, cuda::Stream) override { return 0; }
  int paint(const cuda::PaintSpans &, cuda::Extent, cuda::Stream) override { return 0; }
};

TEST(CudaKernelChecks, FailWhereKernelsDoNothing) {
  IdleRuntime runtime;
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
