// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/nccl_group.h"

#define USE_C10D_NCCL  // like LibTorch's build; its header is empty without it
#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace {

c10::intrusive_ptr<c10d::Backend> join(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                       std::chrono::milliseconds timeout) {
  // If a worker is lost, the call that waits for it fails. Without this setting, a watchdog would end the
  // process.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): training has not begun
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) uniad::cuda::JoinWorkers uniad_cuda_join_workers() {
  return &join;
}
