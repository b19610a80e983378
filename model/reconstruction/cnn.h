// SPDX-License-Identifier: Apache-2.0
// The paper's CNN baseline.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace uniad {

// The CNN baseline (paper, appendix B.1): the residual blocks of ResNet-34 without stem and strides.
class CnnImpl : public torch::nn::Module {
 public:
  explicit CnnImpl(int dim);
  torch::Tensor forward(torch::Tensor map);  // (B, dim, height, width); returns the same shape

 private:
  std::vector<torch::nn::Sequential> layers_;
};
TORCH_MODULE(Cnn);

}  // namespace uniad
