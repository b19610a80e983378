// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cuda_module.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "model/base/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"

namespace uniad::test {
namespace {

using CudaModule = ScratchFolder;

std::string refusal(const Model &model, int device, const std::string &precision) {
  try {
    open_cuda_backend(model, "tiny.safetensors", device, precision);
  } catch (const Error &error) {
    return error.what();
  }
  return "opened";
}

TEST_F(CudaModule, WhereThereIsNoGpuTheReasonIsOneLineWithAWayOut) {
  std::string why_not;
  if (cuda_usable(&why_not)) GTEST_SKIP() << "there is a GPU here";
  EXPECT_NE(why_not.find("device=cpu"), std::string::npos) << why_not;
  EXPECT_EQ(std::count(why_not.begin(), why_not.end(), '\n'), 0) << why_not;
  EXPECT_EQ(refusal({}, 0, "auto"), why_not);
  EXPECT_THROW(cuda_self_test({}, "tiny.safetensors", 0, "auto"), Error);
  EXPECT_FALSE(cuda_usable(nullptr));
}

TEST_F(CudaModule, PassesItsSelfTestWhereThereIsAGpu) {
  std::string why_not;
  if (!cuda_usable(&why_not)) GTEST_SKIP() << why_not;
  const auto path = file("tiny.safetensors");
  write_tiny_model(path);
  const Model model = read_model(path);
  EXPECT_NE(refusal(model, 99, "auto").find("nvidia-smi lists the GPUs"), std::string::npos);
  EXPECT_NE(refusal(model, 0, "int3").find("use auto, fp32, bf16 or fp16"), std::string::npos);
  for (const char *precision : {"fp32", "auto", "fp16"})
    for (const SelfTest &test : cuda_self_test(model, path.string(), 0, precision))
      EXPECT_TRUE(test.passed()) << test.name << ": " << test.largest << " of " << test.tolerance << " "
                                 << test.failure;
}

}  // namespace
}  // namespace uniad::test
