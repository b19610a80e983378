// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad {

// Makes pictures of features, to look at what a reconstruction holds (paper, appendix B.3; facts 11). A
// ResNet-34 turned round: residual stages of 3, 6, 4 and 3 blocks with 512, 256, 128 and 128 channels, the
// second and third at twice the size of the one before; then twice the size again, a 7x7 convolution, and
// again, a 1x1 one. Only for pictures: it has no say in any score.
class PictureDecoderImpl : public torch::nn::Module {
 public:
  explicit PictureDecoderImpl(int channels);

  // features: (B, channels, H / 16, W / 16), as the backbone gives them. Returns pictures as networks see
  // them: (B, 3, H, W), normalised.
  torch::Tensor forward(const torch::Tensor &features);

 private:
  torch::nn::Sequential layer4_{nullptr}, layer3_{nullptr}, layer2_{nullptr}, layer1_{nullptr};
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::BatchNorm2d bn_{nullptr};
  torch::nn::Conv2d last_{nullptr};
};
TORCH_MODULE(PictureDecoder);

}  // namespace uniad
