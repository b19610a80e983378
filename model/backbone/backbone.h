// SPDX-License-Identifier: Apache-2.0
// The pretrained network whose features are used.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "model/config/model_config.h"

namespace uniad {

// An ImageNet classifier up to its last tapped stage; later layers are not built. Module names are the
// state-dict keys of lukemelas/EfficientNet-PyTorch and of torchvision's ResNet.
class Backbone : public torch::nn::Module {
 public:
  // images: (B, 3, H, W), normalized. Returns a map per tapped stage: (B, channels, H / stride, W / stride).
  virtual std::vector<torch::Tensor> forward(const torch::Tensor &images) = 0;
};

// Creates the backbone. Throws Error for an unknown name or stage.
std::shared_ptr<Backbone> make_backbone(const BackboneConfig &config);

// The total number of channels of all tapped stages.
int tapped_channels(const BackboneConfig &config);

// The multi-scale features (paper 4.1, docs/network-details.md, "Taps"): every tap resized to height x width,
// bilinear with aligned corners and no antialias, concatenated in tap order: (B, tapped channels, height,
// width).
torch::Tensor neck(const std::vector<torch::Tensor> &taps, int height, int width);

}  // namespace uniad
