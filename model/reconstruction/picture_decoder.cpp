// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/picture_decoder.h"

namespace uniad {
namespace {

torch::nn::Conv2d convolution(int in, int out, int kernel) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).padding(kernel / 2).bias(false));
}

torch::Tensor enlarged(const torch::Tensor &map, std::int64_t times) {
  if (times == 1) return map;
  return torch::upsample_bilinear2d(map, {times * map.size(2), times * map.size(3)}, /*align_corners=*/false);
}

// A basic residual block that upsamples between its convolutions, and on its shortcut.
class EnlargingBlockImpl : public torch::nn::Module {
 public:
  EnlargingBlockImpl(int in, int out, int times) : times_(times) {
    conv1_ = register_module("conv1", convolution(in, out, 3));
    bn1_ = register_module("bn1", torch::nn::BatchNorm2d(out));
    conv2_ = register_module("conv2", convolution(out, out, 3));
    bn2_ = register_module("bn2", torch::nn::BatchNorm2d(out));
    if (times == 1 && in == out) return;
    shortcut_ = register_module("shortcut", convolution(in, out, 1));
    shortcut_bn_ = register_module("shortcut_bn", torch::nn::BatchNorm2d(out));
  }

  torch::Tensor forward(const torch::Tensor &input) {
    const torch::Tensor grown = enlarged(torch::relu(bn1_(conv1_(input))), times_);
    const torch::Tensor skipped = shortcut_ ? shortcut_bn_(enlarged(shortcut_(input), times_)) : input;
    return torch::relu(bn2_(conv2_(grown)) + skipped);
  }

 private:
  std::int64_t times_;
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, shortcut_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr}, shortcut_bn_{nullptr};
};
TORCH_MODULE(EnlargingBlock);

torch::nn::Sequential stage(int in, int out, int blocks, int times) {
  torch::nn::Sequential stage(EnlargingBlock(in, out, times));
  for (int i = 1; i < blocks; ++i) stage->push_back(EnlargingBlock(out, out, 1));
  return stage;
}

}  // namespace

PictureDecoderImpl::PictureDecoderImpl(int channels) {
  layer4_ = register_module("layer4", stage(channels, 512, 3, 1));
  layer3_ = register_module("layer3", stage(512, 256, 6, 2));
  layer2_ = register_module("layer2", stage(256, 128, 4, 2));
  layer1_ = register_module("layer1", stage(128, 128, 3, 1));
  conv_ = register_module("conv", convolution(128, 128, 7));
  bn_ = register_module("bn", torch::nn::BatchNorm2d(128));
  last_ = register_module("last", convolution(128, 3, 1));
  for (const auto &module : modules(/*include_self=*/false))
    if (auto *conv = module->as<torch::nn::Conv2dImpl>()) torch::nn::init::normal_(conv->weight, 0, 0.01);
}

torch::Tensor PictureDecoderImpl::forward(const torch::Tensor &features) {
  torch::Tensor map = layer4_->forward(features);
  for (torch::nn::Sequential *layer : {&layer3_, &layer2_, &layer1_}) map = (*layer)->forward(map);
  map = torch::relu(bn_(conv_(enlarged(map, 2))));
  return last_(enlarged(map, 2));
}

}  // namespace uniad
