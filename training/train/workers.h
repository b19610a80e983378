// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "training/train/batches.h"

namespace uniad {

// Which of this machine's processes this one is: LOCAL_RANK, 0 where it is not set. Throws Error: it is no
// number.
int local_rank();

// The processes, on one machine or many, that learn one model together. Each holds the whole model and sees
// its part of every batch; LibTorch's c10d adds their gradients up (TCPStore to find each other; to talk
// NCCL from GPU to GPU, where the CUDA module has it, else Gloo).
class Workers {
 public:
  // As RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say, which torchrun, SLURM scripts and Kubernetes
  // operators set (torch.distributed's env://); alone without WORLD_SIZE. Returns when all have come. Throws
  // Error: a variable is missing or wrong, the others do not come within `timeout` seconds. `device`: where
  // this process learns, and all others on one of the same kind.
  static Workers join(double timeout, torch::Device device = torch::kCPU);
  Workers();  // alone
  ~Workers();
  Workers(Workers &&) noexcept;
  Workers &operator=(Workers &&) noexcept;

  WorkerRank rank() const { return rank_; }
  bool first() const { return rank_.rank == 0; }

  // Every tensor becomes its sum over all processes; fp32, in place. Throws Error where one of them is gone
  // or silent for longer than the timeout.
  void add_up(const std::vector<torch::Tensor> &tensors);
  // Every tensor becomes the first process's.
  void copy_first(const std::vector<torch::Tensor> &tensors);

 private:
  struct Group;
  std::unique_ptr<Group> group_;
  WorkerRank rank_;
};

}  // namespace uniad
