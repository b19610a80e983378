// SPDX-License-Identifier: Apache-2.0
// Converts between stored tensors and LibTorch's.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>

#include "model/base/stored_tensor.h"

namespace uniad {

torch::Tensor to_torch(const StoredTensor &stored);
StoredTensor to_stored(const torch::Tensor &tensor);

// Copies tensors into the module's parameters and buffers by name. Throws Error with the first tensor that is
// missing or has another shape, and the number of others; tensors that the module does not have are ignored.
void load_tensors(torch::nn::Module &module, const std::map<std::string, StoredTensor> &tensors,
                  const std::string &prefix, const std::string &where);

// Stores the module's parameters and buffers, except for BatchNorm's step counters.
void store_tensors(const torch::nn::Module &module, const std::string &prefix,
                   std::map<std::string, StoredTensor> &tensors);

}  // namespace uniad
