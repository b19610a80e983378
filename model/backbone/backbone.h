// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// An ImageNet classifier up to its last tapped stage; what lies behind is never built. Module names are the
// state-dict keys of lukemelas/EfficientNet-PyTorch and of torchvision's ResNet.
class Backbone : public torch::nn::Module {
 public:
  // images: (B, 3, H, W), normalised. Returns one map a tapped stage: (B, channels, H / stride, W / stride).
  virtual std::vector<torch::Tensor> forward(const torch::Tensor &images) = 0;
};

// Throws Error for an unknown name or stage.
std::shared_ptr<Backbone> make_backbone(const BackboneConfig &config);

// Channels of all tapped stages together.
int tapped_channels(const BackboneConfig &config);

// The multi-scale features (paper 4.1, facts 5): every tap resized to height x width, bilinear with aligned
// corners and no antialias, concatenated in tap order: (B, tapped channels, height, width).
torch::Tensor neck(const std::vector<torch::Tensor> &taps, int height, int width);

}  // namespace uniad
