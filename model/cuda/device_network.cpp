// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/device_network.h"

#include <array>
#include <utility>

namespace uniad::cuda {

DeviceNetwork::DeviceNetwork(const Model &model, const std::string &where, torch::Device device,
                             torch::ScalarType type, ConvolutionKernels kernels)
    : network_(make_network(model, where)),
      rows_(model.config.input.height / 16),
      columns_(model.config.input.width / 16) {
  const torch::NoGradGuard no_grad;
  folded_ = fold(*network_->backbone, model.config.backbone, device, type, std::move(kernels));
  network_->set_precision(type);
  if (network_->reconstruction) network_->reconstruction->to(device, type);
  for (torch::Tensor *constant :
       {&network_->feature_mean, &network_->feature_std, &network_->feature_whitening})
    if (constant->defined()) *constant = constant->to(device);
}

torch::Tensor DeviceNetwork::operator()(const torch::Tensor &images) const {
  std::vector<torch::Tensor> taps = folded_->forward(images);
  for (torch::Tensor &tap : taps) tap = tap.to(torch::kFloat32);
  const torch::Tensor features = network_->standardize(neck(taps, rows_, columns_));
  std::vector<torch::Tensor> parts{features};
  if (network_->reconstruction) parts.push_back(network_->residuals(features));
  for (torch::Tensor &part : parts) part = part.flatten(2).transpose(1, 2);
  return torch::stack(parts, 1);
}

torch::Tensor luma_of(const torch::Tensor &images, const InputConfig &input) {
  constexpr std::array<float, 3> weights{0.299F, 0.587F, 0.114F};
  torch::Tensor luma;
  float offset = 0;
  for (std::size_t channel = 0; channel < weights.size(); ++channel) {
    const torch::Tensor plane = images.select(1, static_cast<std::int64_t>(channel)).to(torch::kFloat32);
    const torch::Tensor part = plane * (255 * weights[channel] * input.std[channel]);
    luma = luma.defined() ? luma + part : part;
    offset += 255 * weights[channel] * input.mean[channel];
  }
  return (luma + offset).nan_to_num(0).clamp(0, 255).round().to(torch::kUInt8).flatten(1);
}

}  // namespace uniad::cuda
