// SPDX-License-Identifier: Apache-2.0
// Sums gradients over several GPUs with NCCL.
#pragma once

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace uniad::cuda {

// Creates the NCCL group of all processes that train one model on GPUs; its tensors are on this process's
// GPU.
using JoinWorkers = c10::intrusive_ptr<c10d::Backend> (*)(const c10::intrusive_ptr<c10d::Store> &store,
                                                          int rank, int size,
                                                          std::chrono::milliseconds timeout);

// The function that libuniad-cuda.so exports if it was built with NCCL; it returns a JoinWorkers.
using JoinWorkersFunction = JoinWorkers (*)();
inline constexpr const char *join_workers_function = "uniad_cuda_join_workers";

}  // namespace uniad::cuda
