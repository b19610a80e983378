// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include "model/file/model_file.h"

namespace uniad {

// A convolution padded by one of the three rules (facts 4.2). `native_extent` is the side of this layer's
// input when the network is fed its native size; only StaticSame looks at it.
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
