// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "model/cuda/folded_backbone.h"
#include "model/network.h"

namespace uniad::cuda {

// The network of a model on a device, its backbone folded; the same on every device that LibTorch has.
class DeviceNetwork {
 public:
  DeviceNetwork(const Model &model, const std::string &where, torch::Device device, torch::ScalarType type,
                ConvolutionKernels kernels);

  // images: (B, 3, H, W), channels last, of the network's type. Returns (B, parts, tokens, channels), fp32:
  // features and, with UniAD, what it leaves of them.
  torch::Tensor operator()(const torch::Tensor &images) const;

  std::int64_t parts() const { return network_->reconstruction ? 2 : 1; }
  std::int64_t part_size() const { return std::int64_t{rows_} * columns_ * network_->channels(); }

 private:
  std::shared_ptr<Network> network_;  // all of it but its backbone
  std::unique_ptr<FoldedBackbone> folded_;
  int rows_, columns_;
};

}  // namespace uniad::cuda
