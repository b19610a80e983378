// SPDX-License-Identifier: Apache-2.0
// A backbone with its batch normalization folded into its weights.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/cuda/convolution_kernel.h"

namespace uniad::cuda {

// A depthwise convolution with its BatchNorm folded in.
struct DepthwiseWeights {
  torch::Tensor weight;  // (kernel, kernel, channels), of the network's type
  torch::Tensor bias;    // (channels), fp32
  int kernel, stride;
};

// The kernels of this folder, on channels-last tensors.
struct ConvolutionKernels {
  // x = activation(x + bias + skip), in place. bias: fp32, per channel; skip may be undefined.
  std::function<void(torch::Tensor &x, const torch::Tensor &bias, const torch::Tensor &skip,
                     Activation activation)>
      finish;
  // activation(convolution + bias), padded by `top` and `left`; out: (B, channels, height, width), the
  // result.
  std::function<void(const torch::Tensor &input, const DepthwiseWeights &weights, int top, int left,
                     torch::Tensor &out, Activation activation)>
      depthwise;
};

// A backbone with its BatchNorms folded into its convolutions; the remaining bias is applied together with
// the skip connection and the activation.
class FoldedBackbone {
 public:
  virtual ~FoldedBackbone() = default;
  // Like Backbone::forward, in the type of the weights, channels last.
  virtual std::vector<torch::Tensor> forward(const torch::Tensor &images) = 0;
};

// Takes over the weights: afterwards, the convolutions of `backbone` contain the folded weights, in this type
// and on this device, and `backbone` must not be used by itself any more.
std::unique_ptr<FoldedBackbone> fold(Backbone &backbone, const BackboneConfig &config, torch::Device device,
                                     torch::ScalarType type, ConvolutionKernels kernels);

}  // namespace uniad::cuda
