// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/uniad.h"

#include <cmath>
#include <numbers>

namespace uniad {
namespace {

torch::nn::Embedding uniform_table(int rows, int columns) {
  torch::nn::Embedding table(rows, columns);
  torch::nn::init::uniform_(table->weight);
  return table;
}

// One axis of DETR's sine embedding: (extent, features); positions are counted from 1 and scaled to 2 pi.
torch::Tensor sine_axis(int extent, int features) {
  const auto options = torch::dtype(torch::kFloat64);
  const torch::Tensor position =
      torch::arange(1, extent + 1, options) / (extent + 1e-6) * (2 * std::numbers::pi);
  const torch::Tensor pair = torch::arange(features, options).div(2, "floor") * 2 / features;
  const torch::Tensor angle = position.unsqueeze(1) / torch::pow(10000.0, pair);
  const torch::Tensor odd = torch::arange(features).remainder(2) == 1;
  return torch::where(odd, angle.cos(), angle.sin());
}

torch::Tensor sine_table(int dim, int height, int width) {
  const int half = dim / 2;
  const torch::Tensor rows = sine_axis(height, half).unsqueeze(1).expand({height, width, half});
  const torch::Tensor columns = sine_axis(width, half).unsqueeze(0).expand({height, width, half});
  return torch::cat({rows, columns}, 2).reshape({height * width, dim});
}

// The reference initializes every linear and convolutional layer again after copying its prototypes
// (docs/network-details.md, "Reconstruction").
void initialize(torch::nn::Module &network) {
  for (const auto &module : network.modules(/*include_self=*/false)) {
    if (auto *linear = module->as<torch::nn::LinearImpl>()) {
      torch::nn::init::xavier_uniform_(linear->weight);
      torch::nn::init::zeros_(linear->bias);
    } else if (auto *convolution = module->as<torch::nn::Conv2dImpl>()) {
      torch::nn::init::xavier_uniform_(convolution->weight);  // the CNN's convolutions have no bias
    }
  }
}

}  // namespace

PositionTableImpl::PositionTableImpl(PositionEmbedding kind, int dim, int height, int width)
    : height_(height), width_(width) {
  if (kind == PositionEmbedding::Sine) {
    sine_ = sine_table(dim, height, width);
    return;
  }
  row_embed_ = register_module("row_embed", uniform_table(height, dim / 2));
  col_embed_ = register_module("col_embed", uniform_table(width, dim / 2));
}

torch::Tensor PositionTableImpl::forward() {
  if (sine_.defined()) return sine_;
  const torch::Tensor columns = col_embed_->weight.unsqueeze(0).expand({height_, -1, -1});
  const torch::Tensor rows = row_embed_->weight.unsqueeze(1).expand({-1, width_, -1});
  return torch::cat({columns, rows}, 2).flatten(0, 1);
}

void PositionTableImpl::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  torch::nn::Module::to(device, dtype, non_blocking);
  if (sine_.defined()) sine_ = sine_.to(device, dtype, non_blocking);
}

TransformerImpl::TransformerImpl(const ReconstructionConfig &config, int tokens) {
  encoder = register_module("encoder", Encoder(config));
  decoder = register_module("decoder", Decoder(config, tokens));
}

UniADImpl::UniADImpl(const ReconstructionConfig &config, int channels, int height, int width)
    : config_(config), height_(height), width_(width) {
  if (config.kind == NetworkKind::UniAD)
    pos_embed = register_module("pos_embed", PositionTable(config.position, config.dim, height, width));
  input_proj = register_module("input_proj", torch::nn::Linear(channels, config.dim));
  output_proj = register_module("output_proj", torch::nn::Linear(config.dim, channels));
  if (config.kind == NetworkKind::Cnn)
    cnn = register_module("cnn", Cnn(config.dim));
  else
    transformer = register_module("transformer", Transformer(config, height * width));
  if (config.kind == NetworkKind::UniAD)
    neighbor_mask_ = neighbor_mask(height, width, config.mask_height, config.mask_width);
  initialize(*this);
}

torch::Tensor UniADImpl::forward(const torch::Tensor &features) {
  const torch::Tensor decoded = decode(encode(embed(features)));
  return output_proj(decoded).transpose(1, 2).reshape(features.sizes());
}

torch::Tensor UniADImpl::embed(const torch::Tensor &features) {
  const torch::Tensor tokens = features.flatten(2).transpose(1, 2);
  const bool jittered = is_training() && config_.jitter_scale > 0;
  return input_proj(jittered ? jitter(tokens) : tokens);
}

torch::Tensor UniADImpl::jitter(const torch::Tensor &tokens) const {
  if (!config_.jitter_per_token && torch::rand({1}).item<double>() > config_.jitter_probability)
    return tokens;
  torch::Tensor strength =
      tokens.norm(2, -1, /*keepdim=*/true) * (config_.jitter_scale / static_cast<double>(tokens.size(2)));
  if (config_.jitter_per_token)
    strength = strength * (torch::rand_like(strength) <= config_.jitter_probability);
  return tokens + torch::randn_like(tokens) * strength;
}

torch::Tensor UniADImpl::encode(const torch::Tensor &tokens) {
  if (cnn) return tokens;
  return transformer->encoder(tokens, position(tokens), mask(config_.mask_encoder, tokens));
}

torch::Tensor UniADImpl::decode(const torch::Tensor &memory) {
  if (cnn) {
    const torch::Tensor map = memory.transpose(1, 2).unflatten(2, {height_, width_});
    return cnn(map).flatten(2).transpose(1, 2);
  }
  return transformer->decoder(memory, position(memory), mask(config_.mask_decoder_first, memory),
                              mask(config_.mask_decoder_second, memory));
}

torch::Tensor UniADImpl::position(const torch::Tensor &like) {
  return pos_embed ? pos_embed().to(like.options()) : torch::Tensor();
}

void UniADImpl::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  torch::nn::Module::to(device, dtype, non_blocking);
  if (neighbor_mask_.defined()) neighbor_mask_ = neighbor_mask_.to(device, dtype, non_blocking);
}

torch::Tensor UniADImpl::mask(bool wanted, const torch::Tensor &like) const {
  return wanted && neighbor_mask_.defined() ? neighbor_mask_.to(like.options()) : torch::Tensor();
}

}  // namespace uniad
