// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "model/cuda/device_runtime.h"
#include "model/cuda/kernel_checks.h"

namespace uniad::test {
namespace {

std::string reason_against(int device) {
  try {
    cuda::require_device(device);
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

TEST(CudaKernels, ASystemWithoutDriverOrDeviceIsToldOf) {
  const std::string reason = reason_against(0);
  if (reason.empty()) GTEST_SKIP() << "there is a GPU here";
  EXPECT_NE(reason.find("cuda:0: looking for a GPU failed with cudaError"), std::string::npos) << reason;
  EXPECT_NE(reason.find("device=cpu"), std::string::npos) << reason;
}

TEST(CudaKernels, GiveOnTheGpuWhatTheCpuGives) {
  const std::string reason = reason_against(0);
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_NE(reason_against(99).find("cudaErrorInvalidDevice"), std::string::npos);
  const auto runtime = cuda::make_runtime(0);
  for (const SelfTest &test : cuda::check_kernels(*runtime))
    EXPECT_TRUE(test.passed()) << test.name << ": " << test.largest << " of " << test.tolerance << " "
                               << test.failure;
}

}  // namespace
}  // namespace uniad::test
