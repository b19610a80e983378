// SPDX-License-Identifier: Apache-2.0
// A network that generates pictures from features, for visualization.
#pragma once

#include <torch/torch.h>

namespace uniad {

// Generates pictures from features, to visualize a reconstruction (paper, appendix B.3;
// docs/network-details.md, "Pictures of features"). A reversed ResNet-34: residual stages of 3, 6, 4 and 3
// blocks with 512, 256, 128 and 128 channels, the second and third at twice the size of the previous one;
// then upsampling by two, a 7x7 convolution, upsampling by two, and a 1x1 convolution. For visualization
// only: no score depends on it.
class PictureDecoderImpl : public torch::nn::Module {
 public:
  explicit PictureDecoderImpl(int channels);

  // features: (B, channels, H / 16, W / 16), from the backbone. Returns normalized pictures: (B, 3, H, W).
  torch::Tensor forward(const torch::Tensor &features);

 private:
  torch::nn::Sequential layer4_{nullptr}, layer3_{nullptr}, layer2_{nullptr}, layer1_{nullptr};
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::BatchNorm2d bn_{nullptr};
  torch::nn::Conv2d last_{nullptr};
};
TORCH_MODULE(PictureDecoder);

}  // namespace uniad
