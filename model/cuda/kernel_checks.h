// SPDX-License-Identifier: Apache-2.0
// Compares every kernel with the CPU.
#pragma once

#include <string>
#include <vector>

#include "model/cuda/runtime.h"
#include "model/engine/cuda_module.h"

namespace uniad::cuda {

// Runs one check. difference: returns the largest difference found, and may throw.
template <typename Difference>
SelfTest run_check(std::string name, double tolerance, Difference difference) {
  SelfTest test{std::move(name), 0, tolerance, {}};
  try {
    test.largest = difference();
  } catch (const std::exception &error) {
    test.failure = error.what();
  }
  return test;
}

// Compares every kernel on the current device with the CPU. Does not require LibTorch.
std::vector<SelfTest> check_kernels(Runtime &runtime);

}  // namespace uniad::cuda
