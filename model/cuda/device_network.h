// SPDX-License-Identifier: Apache-2.0
// The network in LibTorch, folded for a GPU.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "model/cuda/folded_backbone.h"
#include "model/network.h"

namespace uniad::cuda {

// The network of a model on a device, with its backbone folded. Works on every device of LibTorch.
class DeviceNetwork {
 public:
  DeviceNetwork(const Model &model, const std::string &where, torch::Device device, torch::ScalarType type,
                ConvolutionKernels kernels);

  // images: (B, 3, H, W), channels last, in the network's type. Returns (B, parts, tokens, channels), fp32:
  // features and, with UniAD, their residuals.
  torch::Tensor operator()(const torch::Tensor &images) const;

  std::int64_t parts() const { return network_->reconstruction ? 2 : 1; }
  std::int64_t part_size() const { return std::int64_t{rows_} * columns_ * network_->channels(); }

 private:
  std::shared_ptr<Network> network_;  // without its backbone
  std::unique_ptr<FoldedBackbone> folded_;
  int rows_, columns_;
};

// The luma of normalized pictures (B, 3, H, W), as luma_of_input(): (B, H x W), levels in bytes, on their
// device.
torch::Tensor luma_of(const torch::Tensor &images, const InputConfig &input);

}  // namespace uniad::cuda
