// SPDX-License-Identifier: Apache-2.0
// A convolution with one of the three padding rules.
#pragma once

#include <torch/torch.h>

#include "model/config/model_config.h"

namespace uniad {

// A convolution padded by one of the three rules (docs/network-details.md, "Padding"). native_extent is the
// side length of this layer's input at the network's native size; it is used by StaticSame only.
class PaddedConv2dImpl : public torch::nn::Conv2dImpl {
 public:
  PaddedConv2dImpl(torch::nn::Conv2dOptions options, PaddingRule rule, int native_extent);
  torch::Tensor forward(const torch::Tensor &input);

  struct Margins {
    std::int64_t top, bottom, left, right;
  };
  Margins padding_of(const torch::Tensor &input) const;

 private:
  PaddingRule rule_;
  int native_extent_;
};
TORCH_MODULE(PaddedConv2d);

torch::nn::BatchNorm2d batch_norm(int channels, double eps);

}  // namespace uniad
