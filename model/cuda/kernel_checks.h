// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/cuda/runtime.h"
#include "model/engine/cuda_module.h"

namespace uniad::cuda {

// Runs one check: `difference` gives the largest one found, and may throw.
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

// Every kernel on the current device against the CPU. Needs no LibTorch.
std::vector<SelfTest> check_kernels(Runtime &runtime);

}  // namespace uniad::cuda
