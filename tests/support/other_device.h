// SPDX-License-Identifier: Apache-2.0
// A device of LibTorch that is the CPU.
#pragma once

#include <torch/torch.h>

namespace uniad::test {

// A device that stands in for a GPU, for the question whether tensors lie where they must: LibTorch's
// private-use device, on the CPU's memory and arithmetic. An operator that is given tensors of it and of the
// CPU fails, as CUDA's do (single numbers apart). Link other_device.cpp to have it.
inline const torch::Device other_device{torch::kPrivateUse1, 0};

}  // namespace uniad::test
