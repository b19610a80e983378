// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace uniad {

// Inverted dropout (torch.nn.Dropout) whose mask is never stored: whether element i is kept follows from the
// seed and i alone, so that the backward pass draws the same mask again.
struct DropoutMask {
  std::uint32_t seed = 0;
  double probability = 0;
};

// A mask with a seed from torch's generator.
DropoutMask draw_dropout(double probability);

// Applies it in place to `count` contiguous elements of fp32, fp64 or bf16, the first of which is element
// `first` of the mask.
void drop(const DropoutMask &mask, torch::Tensor &values, std::int64_t first);

// torch.nn.Dropout; on the CPU without its cost: torch's random numbers alone take a quarter of a training
// step.
torch::Tensor seeded_dropout(const torch::Tensor &input, double probability, bool training);

}  // namespace uniad
