// SPDX-License-Identifier: Apache-2.0
// Limits LibTorch to one thread within a scope.
#pragma once

namespace uniad {

// Makes LibTorch compute on the calling thread only, within a scope. Its other threads wait for each other
// without sleeping, so if a pipeline or other tests keep the cores busy, one second of work takes five.
//
// at::set_num_threads() is not suitable: it also sets the default for other threads that have not used
// LibTorch yet, so overlapping scopes would restore each other's value.
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
