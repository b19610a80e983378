// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/file/model_file.h"
#include "model/reconstruction/attention.h"

namespace uniad {

// Self-attention among neighbours is masked, then a feed-forward network; post-norm or pre-norm.
class EncoderLayerImpl : public torch::nn::Module {
 public:
  explicit EncoderLayerImpl(const ReconstructionConfig &config);
  // tokens: (B, N, dim), position: (N, dim), mask: (N, N) or undefined.
  torch::Tensor forward(const torch::Tensor &tokens, const torch::Tensor &position,
                        const torch::Tensor &mask);

  MultiheadAttention self_attn{nullptr};

 private:
  bool pre_norm_;
  torch::nn::Linear linear1_{nullptr};
  torch::nn::Linear linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr};
  torch::nn::LayerNorm norm2_{nullptr};
  double dropout_;
};
TORCH_MODULE(EncoderLayer);

// A layer of the layer-wise query decoder (paper 3.2): its own learned query attends to the encoder's output,
// the result to the previous layer's output. The previous output enters only as key and value.
class DecoderLayerImpl : public torch::nn::Module {
 public:
  DecoderLayerImpl(const ReconstructionConfig &config, int tokens);
  torch::Tensor forward(const torch::Tensor &previous, const torch::Tensor &memory,
                        const torch::Tensor &position, const torch::Tensor &first_mask,
                        const torch::Tensor &second_mask);

  torch::nn::Embedding learned_embed{nullptr};
  MultiheadAttention self_attn{nullptr};
  MultiheadAttention multihead_attn{nullptr};

 private:
  bool pre_norm_;
  torch::nn::Linear linear1_{nullptr};
  torch::nn::Linear linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr};
  torch::nn::LayerNorm norm2_{nullptr};
  torch::nn::LayerNorm norm3_{nullptr};
  double dropout_;
};
TORCH_MODULE(DecoderLayer);

class EncoderImpl : public torch::nn::Module {
 public:
  explicit EncoderImpl(const ReconstructionConfig &config);
  torch::Tensor forward(torch::Tensor tokens, const torch::Tensor &position, const torch::Tensor &mask);

 private:
  torch::nn::ModuleList layers_;
  torch::nn::LayerNorm norm_{nullptr};  // pre-norm only
};
TORCH_MODULE(Encoder);

class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(const ReconstructionConfig &config, int tokens);
  torch::Tensor forward(const torch::Tensor &memory, const torch::Tensor &position,
                        const torch::Tensor &first_mask, const torch::Tensor &second_mask);

 private:
  torch::nn::ModuleList layers_;
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(Decoder);

}  // namespace uniad
