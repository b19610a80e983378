// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/efficientnet.h"

#include <algorithm>

namespace uniad {
namespace {

torch::nn::Conv2d pointwise(int in, int out, bool bias) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1).bias(bias));
}

torch::Tensor activate(torch::Tensor input, bool lite) {
  return lite ? torch::clamp(input, 0, 6) : torch::silu(input);
}

}  // namespace

InvertedResidualBlockImpl::InvertedResidualBlockImpl(const InvertedResidual &block, bool lite,
                                                     PaddingRule rule, int native_extent, double bn_eps)
    : lite_(lite), skip_(block.stride == 1 && block.in == block.out) {
  const int inner = block.in * block.expand;
  if (block.expand != 1) {
    expand_conv_ = register_module("_expand_conv", pointwise(block.in, inner, false));
    expand_bn_ = register_module("_bn0", batch_norm(inner, bn_eps));
  }
  depthwise_conv_ = register_module(
      "_depthwise_conv",
      PaddedConv2d(
          torch::nn::Conv2dOptions(inner, inner, block.kernel).stride(block.stride).groups(inner).bias(false),
          rule, native_extent));
  depthwise_bn_ = register_module("_bn1", batch_norm(inner, bn_eps));
  if (!lite) {
    const int squeezed = std::max(1, block.in / 4);
    se_reduce_ = register_module("_se_reduce", pointwise(inner, squeezed, true));
    se_expand_ = register_module("_se_expand", pointwise(squeezed, inner, true));
  }
  project_conv_ = register_module("_project_conv", pointwise(inner, block.out, false));
  project_bn_ = register_module("_bn2", batch_norm(block.out, bn_eps));
}

torch::Tensor InvertedResidualBlockImpl::forward(const torch::Tensor &input) {
  torch::Tensor x = input;
  if (expand_conv_) x = activate(expand_bn_(expand_conv_(x)), lite_);
  x = activate(depthwise_bn_(depthwise_conv_(x)), lite_);
  if (!lite_) {
    const torch::Tensor squeezed = torch::silu(se_reduce_(x.mean({2, 3}, /*keepdim=*/true)));
    x = x * torch::sigmoid(se_expand_(squeezed));
  }
  x = project_bn_(project_conv_(x));
  return skip_ ? x + input : x;
}

EfficientNet::EfficientNet(const BackboneInfo &info, const BackboneConfig &config)
    : lite_(info.family == BackboneFamily::EfficientNetLite) {
  for (int stage : config.stages)
    tapped_blocks_.push_back(info.taps[static_cast<std::size_t>(stage) - 1].block);
  stem_conv_ = register_module(
      "_conv_stem", PaddedConv2d(torch::nn::Conv2dOptions(3, info.stem_channels, 3).stride(2).bias(false),
                                 config.padding, info.native_size));
  stem_bn_ = register_module("_bn0", batch_norm(info.stem_channels, config.bn_eps));
  register_module("_blocks", blocks_);
  int extent = (info.native_size + 1) / 2;
  const auto needed =
      static_cast<std::size_t>(*std::max_element(tapped_blocks_.begin(), tapped_blocks_.end()));
  for (std::size_t i = 0; i <= needed; ++i) {
    const InvertedResidual &block = info.blocks[i];
    blocks_->push_back(InvertedResidualBlock(block, lite_, config.padding, extent, config.bn_eps));
    extent = (extent + block.stride - 1) / block.stride;
  }
}

std::vector<torch::Tensor> EfficientNet::forward(const torch::Tensor &images) {
  std::vector<torch::Tensor> taps;
  torch::Tensor x = activate(stem_bn_(stem_conv_(images)), lite_);
  for (std::size_t i = 0; i < blocks_->size(); ++i) {
    x = blocks_->at<InvertedResidualBlockImpl>(i).forward(x);
    if (std::find(tapped_blocks_.begin(), tapped_blocks_.end(), static_cast<int>(i)) !=
        tapped_blocks_.end()) {
      taps.push_back(x);
    }
  }
  return taps;
}

}  // namespace uniad
