// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad {

// Inverted dropout as torch.nn.Dropout, the probability rounded to 1/65536. Draws 16 random bits an element
// where torch draws 32 or 64: the random numbers are half of a training step otherwise.
torch::Tensor fast_dropout(const torch::Tensor &input, double probability, bool training);

}  // namespace uniad
