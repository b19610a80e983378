// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/guarded.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace uniad::test {
namespace {

using cuda::During;

std::string message(During during, const std::function<void()> &work) {
  try {
    cuda::guarded(1, "judging 3 frames", during, work);
  } catch (const Error &error) {
    return error.what();
  }
  return "nothing thrown";
}

constexpr c10::SourceLocation here{"", "", 0};

TEST(CudaGuarded, MemoryThatRunsOutIsToldApartAtLoadAndAtRun) {
  const auto run_out = [] {
    throw c10::OutOfMemoryError(here, "CUDA out of memory. Tried to allocate 2 GiB");
  };
  EXPECT_NE(message(During::Load, run_out).find("the model does not fit"), std::string::npos);
  const std::string run = message(During::Run, run_out);
  EXPECT_EQ(run.find("cuda:1: judging 3 frames failed with cudaErrorMemoryAllocation, out of memory"), 0U)
      << run;
  EXPECT_NE(run.find("smaller batch-size"), std::string::npos) << run;
}

TEST(CudaGuarded, ErrorsOfTheDeviceKeepTheirName) {
  const std::string text = message(
      During::Run, [] { throw c10::AcceleratorError(here, 719, "unspecified launch failure\nhints"); });
  EXPECT_NE(text.find("cudaErrorLaunchFailure"), std::string::npos) << text;
  EXPECT_NE(text.find("restart it"), std::string::npos) << text;
}

TEST(CudaGuarded, OtherErrorsOfLibTorchAreOneLine) {
  const std::string text =
      message(During::Run, [] { throw c10::Error(here, "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED\nhints"); });
  EXPECT_NE(text.find("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED ("), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(CudaGuarded, OwnErrorsAndResultsPass) {
  EXPECT_EQ(message(During::Run,
                    [] { throw Error(ErrorKind::InvalidArgument, "precision", "unknown", "use auto"); }),
            "precision: unknown (use auto)");
  EXPECT_EQ(cuda::guarded(0, "counting", During::Run, [] { return 7; }), 7);
}

}  // namespace
}  // namespace uniad::test
