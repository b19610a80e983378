// SPDX-License-Identifier: Apache-2.0
// A LibTorch device that stands in for a GPU but computes on the CPU.
#pragma once

#include <torch/torch.h>

namespace uniad::test {

// A device that stands in for a GPU, to check that tensors are on the right device: LibTorch's private-use
// device, with the CPU's memory and arithmetic. As with CUDA, operators fail on a mix of its tensors and
// tensors of the CPU, except for scalars. Requires linking other_device.cpp.
inline const torch::Device other_device{torch::kPrivateUse1, 0};

}  // namespace uniad::test
