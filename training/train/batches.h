// SPDX-License-Identifier: Apache-2.0
// Assigns pictures to training steps.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace uniad {

// Identifies this process among several that train one model together.
struct WorkerRank {
  int rank = 0;
  int size = 1;
};

// Chooses the pictures of each training step. Pictures are numbered consecutively over all sources. Every
// epoch contains each of them once in a new random order or, if balanced, every source equally often (small
// ones repeatedly). The order depends only on seed and step, so a training that is resumed at any step sees
// the same pictures as an uninterrupted one.
class Batches {
 public:
  // pictures: the number for each source; batch: the batch size of each worker. Every worker gets its part of
  // a common batch.
  Batches(std::vector<std::int64_t> pictures, std::int64_t batch, bool balance, std::uint64_t seed,
          WorkerRank worker = {});

  struct Batch {
    torch::Tensor pictures;  // int64: this worker's pictures; empty if the epoch's last batch is too small
    std::int64_t all = 0;    // of all workers together
    std::int64_t epoch = 0;
  };
  Batch at(std::int64_t step);

 private:
  torch::Tensor order_of(std::int64_t epoch) const;

  std::vector<std::int64_t> pictures_;
  std::int64_t total_ = 0;
  std::int64_t batch_;
  bool balance_;
  std::uint64_t seed_;
  WorkerRank worker_;
  std::int64_t epoch_ = -1;
  torch::Tensor order_;
};

// A seed for one of many independent streams of random numbers (SplitMix64, Steele et al. 2014).
std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t stream);

}  // namespace uniad
