// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>

#include "model/file/safetensors.h"

namespace uniad {

torch::Tensor to_torch(const StoredTensor &stored);
StoredTensor to_stored(const torch::Tensor &tensor);

// Copies tensors into the module's parameters and buffers by name. Throws Error naming every tensor that is
// missing or of another shape; tensors that the module does not have are left alone.
void load_tensors(torch::nn::Module &module, const std::map<std::string, StoredTensor> &tensors,
                  const std::string &prefix, const std::string &where);

// The module's parameters and buffers, but for BatchNorm's step counters.
void store_tensors(const torch::nn::Module &module, const std::string &prefix,
                   std::map<std::string, StoredTensor> &tensors);

}  // namespace uniad
