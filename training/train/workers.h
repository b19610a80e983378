// SPDX-License-Identifier: Apache-2.0
// Distributed training with several processes.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "training/train/batches.h"

namespace uniad {

// The number of this process among those on this machine: LOCAL_RANK, or 0 if it is not set. Throws Error if
// it is not a number.
int local_rank();

// The processes, on one or several machines, that train one model together. Each of them has the whole model
// and processes its part of every batch. LibTorch's c10d sums the gradients (TCPStore for rendezvous; NCCL
// between GPUs if the CUDA module has it, otherwise Gloo for communication).
class Workers {
 public:
  // Joins the other workers according to RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, which torchrun, SLURM
  // scripts and Kubernetes operators set (torch.distributed's env://); without WORLD_SIZE, there is a single
  // process. Returns when all workers have joined. Throws Error if a variable is missing or invalid, or if
  // the others do not join within `timeout` seconds. device: that of this process; all workers use the same
  // type of device.
  static Workers join(double timeout, torch::Device device = torch::kCPU);
  Workers();  // a single process
  ~Workers();
  Workers(Workers &&) noexcept;
  Workers &operator=(Workers &&) noexcept;

  WorkerRank rank() const { return rank_; }
  bool first() const { return rank_.rank == 0; }

  // Replaces every tensor with its sum over all processes; fp32, in place. Throws Error if a process has
  // ended or does not respond within the timeout.
  void all_reduce_sum(const std::vector<torch::Tensor> &tensors);
  // Replaces every tensor with that of the first process.
  void broadcast(const std::vector<torch::Tensor> &tensors);

 private:
  struct Group;
  std::unique_ptr<Group> group_;
  WorkerRank rank_;
};

}  // namespace uniad
