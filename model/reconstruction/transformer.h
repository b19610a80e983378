// SPDX-License-Identifier: Apache-2.0
// The layers of encoder and decoder.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "model/config/model_config.h"
#include "model/reconstruction/attention.h"

namespace uniad {

// An encoder layer: self-attention with a neighbor mask, then a feed-forward network; post-norm or pre-norm.
// Here and below, position and mask may be undefined; the MLP has neither.
class EncoderLayerImpl : public torch::nn::Module {
 public:
  explicit EncoderLayerImpl(const ReconstructionConfig &config);
  // tokens: (B, N, dim), position: (N, dim), mask: (N, N) or undefined.
  torch::Tensor forward(const torch::Tensor &tokens, const torch::Tensor &position,
                        const torch::Tensor &mask);

 private:
  bool pre_norm_;
  std::shared_ptr<Fusion> self_attn_;
  torch::nn::Linear linear1_{nullptr};
  torch::nn::Linear linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr};
  torch::nn::LayerNorm norm2_{nullptr};
  double dropout_;
};
TORCH_MODULE(EncoderLayer);

// The inputs of a decoder layer's attentions.
enum class Stream {
  Query,     // the layer's learned query
  Memory,    // the encoder's output
  Previous,  // the previous layer's output; for the first layer the encoder's output, or the only query
  First,     // the result of the layer's first attention
};

struct DecoderRoles {
  Stream first_query, first_source, second_query, second_source;
};

// The roles in a layer-wise query decoder (docs/networks.md), or in a plain transformer's decoder:
// self-attention, then attention to the encoder's output.
DecoderRoles decoder_roles(QueryEmbedding queries, DecoderVariant variant);

// A decoder layer (paper 3.2): two attentions, each added to its query, then a feed-forward network.
class DecoderLayerImpl : public torch::nn::Module {
 public:
  DecoderLayerImpl(const ReconstructionConfig &config, int tokens, bool has_query);
  // previous: undefined if this layer's query is the only one. memory: (B, N, dim).
  torch::Tensor forward(const torch::Tensor &previous, const torch::Tensor &memory,
                        const torch::Tensor &position, const torch::Tensor &first_mask,
                        const torch::Tensor &second_mask);

 private:
  DecoderRoles roles_;
  bool pre_norm_;
  torch::nn::Embedding learned_embed_{nullptr};
  std::shared_ptr<Fusion> self_attn_;
  std::shared_ptr<Fusion> multihead_attn_;
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
  bool one_query_;
  torch::nn::ModuleList layers_;
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(Decoder);

}  // namespace uniad
