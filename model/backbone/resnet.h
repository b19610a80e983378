// SPDX-License-Identifier: Apache-2.0
// ResNet.
#pragma once

#include "model/backbone/backbone.h"
#include "model/config/taps.h"

namespace uniad {

// Basic or bottleneck residual block as in torchvision (v1.5: the stride is on the bottleneck's 3x3).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  ResidualBlockImpl(int in, int width, int out, int stride, bool bottleneck, double bn_eps);
  torch::Tensor forward(const torch::Tensor &input);

 private:
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  torch::nn::Conv2d conv2_{nullptr};
  torch::nn::BatchNorm2d bn2_{nullptr};
  torch::nn::Conv2d conv3_{nullptr};  // bottleneck only
  torch::nn::BatchNorm2d bn3_{nullptr};
  torch::nn::Sequential downsample_{nullptr};  // if the shape changes
};
TORCH_MODULE(ResidualBlock);

class ResNet : public Backbone {
 public:
  ResNet(const BackboneInfo &info, const BackboneConfig &config);
  std::vector<torch::Tensor> forward(const torch::Tensor &images) override;

 private:
  std::vector<int> stages_;
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<torch::nn::Sequential> layers_;
};

}  // namespace uniad
