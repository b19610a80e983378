// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/transformer.h"

#include "model/reconstruction/dropout.h"

namespace uniad {
namespace {

torch::nn::LayerNorm layer_norm(int dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}));
}

// The reference deep-copies one prototype, so that all layers start with equal attention input weights.
void share_start(torch::Tensor &weight, const torch::Tensor &prototype) {
  const torch::NoGradGuard no_grad;
  weight.copy_(prototype);
}

}  // namespace

EncoderLayerImpl::EncoderLayerImpl(const ReconstructionConfig &config)
    : pre_norm_(config.pre_norm), dropout_(config.dropout) {
  self_attn = register_module("self_attn", MultiheadAttention(config.dim, config.heads, config.dropout));
  linear1_ = register_module("linear1", torch::nn::Linear(config.dim, config.feedforward));
  linear2_ = register_module("linear2", torch::nn::Linear(config.feedforward, config.dim));
  norm1_ = register_module("norm1", layer_norm(config.dim));
  norm2_ = register_module("norm2", layer_norm(config.dim));
}

torch::Tensor EncoderLayerImpl::forward(const torch::Tensor &tokens, const torch::Tensor &position,
                                        const torch::Tensor &mask) {
  const auto drop = [this](const torch::Tensor &x) { return seeded_dropout(x, dropout_, is_training()); };
  const auto attend = [&](const torch::Tensor &x) {
    const torch::Tensor placed = x + position;
    return drop(self_attn(placed, placed, x, mask));
  };
  const auto feed_forward = [&](const torch::Tensor &x) {
    return drop(linear2_(drop(torch::relu(linear1_(x)))));
  };
  if (pre_norm_) {
    const torch::Tensor x = tokens + attend(norm1_(tokens));
    return x + feed_forward(norm2_(x));
  }
  const torch::Tensor x = norm1_(tokens + attend(tokens));
  return norm2_(x + feed_forward(x));
}

DecoderLayerImpl::DecoderLayerImpl(const ReconstructionConfig &config, int tokens)
    : pre_norm_(config.pre_norm), dropout_(config.dropout) {
  learned_embed = register_module("learned_embed", torch::nn::Embedding(tokens, config.dim));
  self_attn = register_module("self_attn", MultiheadAttention(config.dim, config.heads, config.dropout));
  multihead_attn =
      register_module("multihead_attn", MultiheadAttention(config.dim, config.heads, config.dropout));
  linear1_ = register_module("linear1", torch::nn::Linear(config.dim, config.feedforward));
  linear2_ = register_module("linear2", torch::nn::Linear(config.feedforward, config.dim));
  norm1_ = register_module("norm1", layer_norm(config.dim));
  norm2_ = register_module("norm2", layer_norm(config.dim));
  norm3_ = register_module("norm3", layer_norm(config.dim));
}

torch::Tensor DecoderLayerImpl::forward(const torch::Tensor &previous, const torch::Tensor &memory,
                                        const torch::Tensor &position, const torch::Tensor &first_mask,
                                        const torch::Tensor &second_mask) {
  const torch::Tensor query = learned_embed->weight.unsqueeze(0);
  const auto drop = [this](const torch::Tensor &x) { return seeded_dropout(x, dropout_, is_training()); };
  const auto attend_memory = [&](const torch::Tensor &x) {
    return drop(self_attn(x + position, memory + position, memory, first_mask));
  };
  const auto attend_previous = [&](const torch::Tensor &x) {
    return drop(multihead_attn(x + position, previous + position, previous, second_mask));
  };
  const auto feed_forward = [&](const torch::Tensor &x) {
    return drop(linear2_(drop(torch::relu(linear1_(x)))));
  };
  if (pre_norm_) {
    torch::Tensor x = query + attend_memory(norm1_(query));
    x = x + attend_previous(norm2_(x));
    return x + feed_forward(norm3_(x));
  }
  torch::Tensor x = norm1_(query + attend_memory(query));
  x = norm2_(x + attend_previous(x));
  return norm3_(x + feed_forward(x));
}

EncoderImpl::EncoderImpl(const ReconstructionConfig &config) {
  register_module("layers", layers_);
  for (int i = 0; i < config.encoder_layers; ++i) {
    layers_->push_back(EncoderLayer(config));
    share_start(layers_->at<EncoderLayerImpl>(static_cast<std::size_t>(i)).self_attn->in_proj_weight,
                layers_->at<EncoderLayerImpl>(0).self_attn->in_proj_weight);
  }
  if (config.pre_norm) norm_ = register_module("norm", layer_norm(config.dim));
}

torch::Tensor EncoderImpl::forward(torch::Tensor tokens, const torch::Tensor &position,
                                   const torch::Tensor &mask) {
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    tokens = layers_->at<EncoderLayerImpl>(i).forward(tokens, position, mask);
  }
  return norm_ ? norm_(tokens) : tokens;
}

DecoderImpl::DecoderImpl(const ReconstructionConfig &config, int tokens) {
  register_module("layers", layers_);
  for (int i = 0; i < config.decoder_layers; ++i) {
    layers_->push_back(DecoderLayer(config, tokens));
    auto &layer = layers_->at<DecoderLayerImpl>(static_cast<std::size_t>(i));
    auto &prototype = layers_->at<DecoderLayerImpl>(0);
    share_start(layer.learned_embed->weight, prototype.learned_embed->weight);
    share_start(layer.self_attn->in_proj_weight, prototype.self_attn->in_proj_weight);
    share_start(layer.multihead_attn->in_proj_weight, prototype.multihead_attn->in_proj_weight);
  }
  norm_ = register_module("norm", layer_norm(config.dim));
}

torch::Tensor DecoderImpl::forward(const torch::Tensor &memory, const torch::Tensor &position,
                                   const torch::Tensor &first_mask, const torch::Tensor &second_mask) {
  torch::Tensor output = memory;
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    output = layers_->at<DecoderLayerImpl>(i).forward(output, memory, position, first_mask, second_mask);
  }
  return norm_(output);
}

}  // namespace uniad
