// SPDX-License-Identifier: Apache-2.0
#include "training/train/batches.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace uniad {

Batches::Batches(std::vector<std::int64_t> pictures, std::int64_t batch, bool balance, std::uint64_t seed,
                 WorkerRank worker)
    : pictures_(std::move(pictures)),
      total_(std::accumulate(pictures_.begin(), pictures_.end(), std::int64_t{0})),
      batch_(batch),
      balance_(balance),
      seed_(seed),
      worker_(worker) {}

Batches::Batch Batches::at(std::int64_t step) {
  const std::int64_t common = batch_ * worker_.size;
  const std::int64_t steps = (total_ + common - 1) / common;
  if (const std::int64_t epoch = step / steps; epoch != epoch_) {
    order_ = order_of(epoch);
    epoch_ = epoch;
  }
  const std::int64_t first = step % steps * common;
  const std::int64_t all = std::min(common, total_ - first);
  // The parts differ by at most one picture.
  const std::int64_t from = all * worker_.rank / worker_.size;
  const std::int64_t to = all * (worker_.rank + 1) / worker_.size;
  return {order_.narrow(0, first + from, to - from), all, epoch_};
}

torch::Tensor Batches::order_of(std::int64_t epoch) const {
  const auto generator =
      at::detail::createCPUGenerator(stream_seed(seed_, static_cast<std::uint64_t>(epoch)));
  const auto shuffled = [&](std::int64_t count) { return torch::randperm(count, generator, torch::kInt64); };
  if (!balance_) return shuffled(total_);
  const auto sources = static_cast<std::int64_t>(pictures_.size());
  const std::int64_t share = (total_ + sources - 1) / sources;
  std::vector<torch::Tensor> drawn;
  std::int64_t first = 0;
  for (std::int64_t count : pictures_) {
    for (std::int64_t left = share; left > 0; left -= count)
      drawn.push_back(shuffled(count).narrow(0, 0, std::min(left, count)) + first);
    first += count;
  }
  const torch::Tensor all = torch::cat(drawn);
  return all.index_select(0, shuffled(all.size(0))).narrow(0, 0, total_);
}

std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t stream) {
  std::uint64_t bits = seed + (stream + 1) * 0x9E3779B97F4A7C15U;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  return bits ^ (bits >> 31);
}

}  // namespace uniad
