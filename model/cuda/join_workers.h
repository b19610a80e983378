// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace uniad::cuda {

// The group of all processes that learn one model on GPUs, by NCCL; its tensors lie on this process's GPU.
using JoinWorkers = c10::intrusive_ptr<c10d::Backend> (*)(const c10::intrusive_ptr<c10d::Store> &store,
                                                          int rank, int size,
                                                          std::chrono::milliseconds timeout);

// What libuniad-cuda.so exports where it was built with NCCL: a function that returns a JoinWorkers.
using JoinWorkersFunction = JoinWorkers (*)();
inline constexpr const char *join_workers_function = "uniad_cuda_join_workers";

}  // namespace uniad::cuda
