// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad {

// LibTorch computes on the calling thread alone while this lives. Its other threads wait for each other
// without sleeping: where a pipeline or other tests keep the cores busy, a second's work takes five.
class OneTorchThread {
 public:
  OneTorchThread() { at::set_num_threads(1); }
  ~OneTorchThread() { at::set_num_threads(before_); }
  OneTorchThread(const OneTorchThread &) = delete;
  OneTorchThread &operator=(const OneTorchThread &) = delete;

 private:
  const int before_ = at::get_num_threads();
};

}  // namespace uniad
