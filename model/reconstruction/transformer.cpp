// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/transformer.h"

#include "model/reconstruction/dropout.h"
#include "model/reconstruction/projection.h"

namespace uniad {
namespace {

torch::nn::LayerNorm layer_norm(int dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}));
}

std::shared_ptr<Fusion> make_fusion(const ReconstructionConfig &config, bool of_two) {
  if (config.kind == NetworkKind::Mlp) return Projection(config.dim, of_two).ptr();
  return MultiheadAttention(config.dim, config.heads, config.dropout).ptr();
}

// The reference deep-copies a prototype, so all layers start with the same input weights of attention and the
// same queries. It initializes the linear layers again afterwards.
void start_alike(torch::nn::ModuleListImpl &layers) {
  const torch::NoGradGuard no_grad;
  if (layers.is_empty()) return;
  const auto prototype = layers[0]->named_parameters();
  for (std::size_t i = 1; i < layers.size(); ++i) {
    for (const auto &item : layers[i]->named_parameters()) {
      if (item.key().ends_with("in_proj_weight") || item.key() == "learned_embed.weight")
        item.value().copy_(prototype[item.key()]);
    }
  }
}

}  // namespace

DecoderRoles decoder_roles(QueryEmbedding queries, DecoderVariant variant) {
  using enum Stream;
  if (queries != QueryEmbedding::Layer) return {Previous, Previous, First, Memory};
  switch (variant) {
    case DecoderVariant::A:
      break;
    case DecoderVariant::B:
      return {Query, Previous, First, Memory};
    case DecoderVariant::C:
      return {Query, Memory, Previous, First};
    case DecoderVariant::D:
      return {Query, Previous, Memory, First};
    case DecoderVariant::E:
      return {Previous, Memory, Query, First};
    case DecoderVariant::F:
      return {Memory, Previous, Query, First};
  }
  return {Query, Memory, First, Previous};
}

EncoderLayerImpl::EncoderLayerImpl(const ReconstructionConfig &config)
    : pre_norm_(config.pre_norm), dropout_(config.dropout) {
  self_attn_ = register_module("self_attn", make_fusion(config, /*of_two=*/false));
  linear1_ = register_module("linear1", torch::nn::Linear(config.dim, config.feedforward));
  linear2_ = register_module("linear2", torch::nn::Linear(config.feedforward, config.dim));
  norm1_ = register_module("norm1", layer_norm(config.dim));
  norm2_ = register_module("norm2", layer_norm(config.dim));
}

torch::Tensor EncoderLayerImpl::forward(const torch::Tensor &tokens, const torch::Tensor &position,
                                        const torch::Tensor &mask) {
  const auto drop = [this](const torch::Tensor &x) { return seeded_dropout(x, dropout_, is_training()); };
  const auto attend = [&](const torch::Tensor &x) { return drop(self_attn_->fuse(x, x, position, mask)); };
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

DecoderLayerImpl::DecoderLayerImpl(const ReconstructionConfig &config, int tokens, bool has_query)
    : roles_(decoder_roles(config.queries, config.decoder_variant)),
      pre_norm_(config.pre_norm),
      dropout_(config.dropout) {
  if (has_query) learned_embed_ = register_module("learned_embed", torch::nn::Embedding(tokens, config.dim));
  self_attn_ = register_module("self_attn", make_fusion(config, roles_.first_query != roles_.first_source));
  multihead_attn_ = register_module("multihead_attn", make_fusion(config, /*of_two=*/true));
  linear1_ = register_module("linear1", torch::nn::Linear(config.dim, config.feedforward));
  linear2_ = register_module("linear2", torch::nn::Linear(config.feedforward, config.dim));
  norm1_ = register_module("norm1", layer_norm(config.dim));
  norm2_ = register_module("norm2", layer_norm(config.dim));
  norm3_ = register_module("norm3", layer_norm(config.dim));
}

torch::Tensor DecoderLayerImpl::forward(const torch::Tensor &previous, const torch::Tensor &memory,
                                        const torch::Tensor &position, const torch::Tensor &first_mask,
                                        const torch::Tensor &second_mask) {
  const auto drop = [this](const torch::Tensor &x) { return seeded_dropout(x, dropout_, is_training()); };
  torch::Tensor first;
  const auto of = [&](Stream stream) -> torch::Tensor {
    switch (stream) {
      case Stream::Query:
        return learned_embed_->weight.unsqueeze(0);
      case Stream::Memory:
        return memory;
      case Stream::First:
        return first;
      case Stream::Previous:
        break;
    }
    // Repeats the only query for each picture, so that each picture has its own dropout.
    return previous.defined() ? previous : learned_embed_->weight.expand({memory.size(0), -1, -1});
  };
  // With pre-norm, query and key of self-attention are both normalized.
  const auto attend = [&](Fusion &attention, torch::nn::LayerNorm &norm, Stream query_of, Stream source_of,
                          const torch::Tensor &mask) {
    const torch::Tensor query = of(query_of);
    const torch::Tensor asking = pre_norm_ ? norm(query) : query;
    const torch::Tensor source = query_of == source_of ? asking : of(source_of);
    const torch::Tensor sum = query + drop(attention.fuse(asking, source, position, mask));
    return pre_norm_ ? sum : norm(sum);
  };
  first = attend(*self_attn_, norm1_, roles_.first_query, roles_.first_source, first_mask);
  const torch::Tensor x =
      attend(*multihead_attn_, norm2_, roles_.second_query, roles_.second_source, second_mask);
  const auto feed_forward = [&](const torch::Tensor &input) {
    return drop(linear2_(drop(torch::relu(linear1_(input)))));
  };
  return pre_norm_ ? x + feed_forward(norm3_(x)) : norm3_(x + feed_forward(x));
}

EncoderImpl::EncoderImpl(const ReconstructionConfig &config) {
  register_module("layers", layers_);
  for (int i = 0; i < config.encoder_layers; ++i) layers_->push_back(EncoderLayer(config));
  start_alike(*layers_);
  if (config.pre_norm) norm_ = register_module("norm", layer_norm(config.dim));
}

torch::Tensor EncoderImpl::forward(torch::Tensor tokens, const torch::Tensor &position,
                                   const torch::Tensor &mask) {
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    tokens = layers_->at<EncoderLayerImpl>(i).forward(tokens, position, mask);
  }
  return norm_ ? norm_(tokens) : tokens;
}

DecoderImpl::DecoderImpl(const ReconstructionConfig &config, int tokens)
    : one_query_(config.queries == QueryEmbedding::One) {
  register_module("layers", layers_);
  for (int i = 0; i < config.decoder_layers; ++i) {
    const bool has_query = config.queries == QueryEmbedding::Layer || (one_query_ && i == 0);
    layers_->push_back(DecoderLayer(config, tokens, has_query));
  }
  start_alike(*layers_);
  norm_ = register_module("norm", layer_norm(config.dim));
}

torch::Tensor DecoderImpl::forward(const torch::Tensor &memory, const torch::Tensor &position,
                                   const torch::Tensor &first_mask, const torch::Tensor &second_mask) {
  torch::Tensor output = one_query_ && !layers_->is_empty() ? torch::Tensor() : memory;
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    output = layers_->at<DecoderLayerImpl>(i).forward(output, memory, position, first_mask, second_mask);
  }
  return norm_(output);
}

}  // namespace uniad
