// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// LibTorch computes on the calling thread alone while this lives. Its other threads wait for each other
// without sleeping: where a pipeline or other tests keep the cores busy, a second's work takes five.
//
// at::set_num_threads() would not do: it also sets what other threads take for their own number when they
// first ask LibTorch for anything, so that scopes that overlap restore each other's one.
class OneTorchThread {
 public:
  OneTorchThread();
  ~OneTorchThread();
  OneTorchThread(const OneTorchThread &) = delete;
  OneTorchThread &operator=(const OneTorchThread &) = delete;

 private:
  const int before_;
  const int mkl_before_;
};

}  // namespace uniad
