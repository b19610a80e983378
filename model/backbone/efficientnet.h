// SPDX-License-Identifier: Apache-2.0
// EfficientNet and EfficientNet-Lite.
#pragma once

#include "model/backbone/backbone.h"
#include "model/backbone/convolution.h"
#include "model/config/taps.h"

namespace uniad {

// Mobile inverted bottleneck: expand, depthwise, squeeze-and-excitation, project (docs/network-details.md,
// "EfficientNet"). Lite has no squeeze-and-excitation, and ReLU6 instead of swish.
class InvertedResidualBlockImpl : public torch::nn::Module {
 public:
  InvertedResidualBlockImpl(const InvertedResidual &block, bool lite, PaddingRule rule, int native_extent,
                            double bn_eps);
  torch::Tensor forward(const torch::Tensor &input);

 private:
  bool lite_;
  bool skip_;
  torch::nn::Conv2d expand_conv_{nullptr};
  torch::nn::BatchNorm2d expand_bn_{nullptr};
  PaddedConv2d depthwise_conv_{nullptr};
  torch::nn::BatchNorm2d depthwise_bn_{nullptr};
  torch::nn::Conv2d se_reduce_{nullptr};
  torch::nn::Conv2d se_expand_{nullptr};
  torch::nn::Conv2d project_conv_{nullptr};
  torch::nn::BatchNorm2d project_bn_{nullptr};
};
TORCH_MODULE(InvertedResidualBlock);

class EfficientNet : public Backbone {
 public:
  EfficientNet(const BackboneInfo &info, const BackboneConfig &config);
  std::vector<torch::Tensor> forward(const torch::Tensor &images) override;

 private:
  bool lite_;
  std::vector<int> tapped_blocks_;
  PaddedConv2d stem_conv_{nullptr};
  torch::nn::BatchNorm2d stem_bn_{nullptr};
  torch::nn::ModuleList blocks_;
};

}  // namespace uniad
