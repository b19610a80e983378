// SPDX-License-Identifier: Apache-2.0
// Dropout whose mask is computed from a seed, not stored; fast on the CPU.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace uniad {

// Inverted dropout (torch.nn.Dropout) whose mask is not stored: whether element i is kept depends only on the
// seed and i, so that the backward pass computes the same mask again.
struct DropoutMask {
  std::uint32_t seed = 0;
  double probability = 0;
};

// A mask with a seed from torch's generator.
DropoutMask draw_dropout(double probability);

// Applies the mask in place to contiguous values in fp32, fp64 or bf16, the first of which is element `first`
// of the mask.
void drop(const DropoutMask &mask, torch::Tensor &values, std::int64_t first);

// Like torch.nn.Dropout, but faster on the CPU, where torch's random numbers alone take a quarter of a
// training step.
torch::Tensor seeded_dropout(const torch::Tensor &input, double probability, bool training);

}  // namespace uniad
