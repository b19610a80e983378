// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad::test {

// While this lives: LibTorch's threads spin where another test has their core.
class OneTorchThread {
 public:
  OneTorchThread() { torch::set_num_threads(1); }
  ~OneTorchThread() { torch::set_num_threads(before_); }
  OneTorchThread(const OneTorchThread &) = delete;
  OneTorchThread &operator=(const OneTorchThread &) = delete;

 private:
  const int before_ = torch::get_num_threads();
};

}  // namespace uniad::test
