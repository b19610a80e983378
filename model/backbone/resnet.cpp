// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/resnet.h"

#include <algorithm>
#include <string>

#include "model/backbone/convolution.h"

namespace uniad {
namespace {

torch::nn::Conv2d convolution(int in, int out, int kernel, int stride) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(int in, int width, int out, int stride, bool bottleneck, double bn_eps) {
  conv1_ = register_module("conv1", convolution(in, width, bottleneck ? 1 : 3, bottleneck ? 1 : stride));
  bn1_ = register_module("bn1", batch_norm(width, bn_eps));
  const int second_out = bottleneck ? width : out;
  conv2_ = register_module("conv2", convolution(width, second_out, 3, bottleneck ? stride : 1));
  bn2_ = register_module("bn2", batch_norm(second_out, bn_eps));
  if (bottleneck) {
    conv3_ = register_module("conv3", convolution(width, out, 1, 1));
    bn3_ = register_module("bn3", batch_norm(out, bn_eps));
  }
  if (stride != 1 || in != out) {
    downsample_ = register_module(
        "downsample", torch::nn::Sequential(convolution(in, out, 1, stride), batch_norm(out, bn_eps)));
  }
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor &input) {
  torch::Tensor x = bn2_(conv2_(torch::relu(bn1_(conv1_(input)))));
  if (conv3_) x = bn3_(conv3_(torch::relu(x)));
  return torch::relu(x + (downsample_ ? downsample_->forward(input) : input));
}

ResNet::ResNet(const BackboneInfo &info, const BackboneConfig &config) : stages_(config.stages) {
  conv1_ = register_module(
      "conv1",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, info.stem_channels, 7).stride(2).padding(3).bias(false)));
  bn1_ = register_module("bn1", batch_norm(info.stem_channels, config.bn_eps));
  const int needed = *std::max_element(stages_.begin(), stages_.end());
  int in = info.stem_channels;
  for (int layer = 0; layer < needed; ++layer) {
    const int planes = 64 << layer;
    const int width = planes * info.base_width / 64;
    const int out = info.taps[static_cast<std::size_t>(layer)].channels;
    torch::nn::Sequential blocks;
    for (int block = 0; block < info.layers[static_cast<std::size_t>(layer)]; ++block) {
      const int stride = layer > 0 && block == 0 ? 2 : 1;
      blocks->push_back(
          ResidualBlock(in, info.bottleneck ? width : out, out, stride, info.bottleneck, config.bn_eps));
      in = out;
    }
    layers_.push_back(register_module("layer" + std::to_string(layer + 1), blocks));
  }
}

std::vector<torch::Tensor> ResNet::forward(const torch::Tensor &images) {
  std::vector<torch::Tensor> taps;
  torch::Tensor x = torch::max_pool2d(torch::relu(bn1_(conv1_(images))), 3, 2, 1);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i]->forward(x);
    if (std::find(stages_.begin(), stages_.end(), static_cast<int>(i) + 1) != stages_.end())
      taps.push_back(x);
  }
  return taps;
}

}  // namespace uniad
