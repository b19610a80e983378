// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/attention.h"

#include <limits>

#include "model/reconstruction/training_attention.h"

namespace uniad {

MultiheadAttentionImpl::MultiheadAttentionImpl(int dim, int heads, double dropout)
    : heads_(heads), dropout_(dropout) {
  in_proj_weight = register_parameter("in_proj_weight", torch::empty({3 * dim, dim}));
  in_proj_bias = register_parameter("in_proj_bias", torch::zeros(3 * dim));
  out_proj = register_module("out_proj", torch::nn::Linear(dim, dim));
  torch::nn::init::xavier_uniform_(in_proj_weight);
}

torch::Tensor MultiheadAttentionImpl::forward(const torch::Tensor &query, const torch::Tensor &key,
                                              const torch::Tensor &value, const torch::Tensor &mask) {
  const auto weights = in_proj_weight.chunk(3);
  const auto biases = in_proj_bias.chunk(3);
  const torch::Tensor q = torch::linear(query, weights[0], biases[0]);
  const torch::Tensor k = torch::linear(key, weights[1], biases[1]);
  const torch::Tensor v = torch::linear(value, weights[2], biases[2]);
  return out_proj(is_training() && q.is_cpu() ? training_attention(q, k, v, mask, heads_, dropout_)
                                              : attend(q, k, v, mask, is_training() ? dropout_ : 0));
}

torch::Tensor MultiheadAttentionImpl::fuse(const torch::Tensor &query, const torch::Tensor &source,
                                           const torch::Tensor &position, const torch::Tensor &mask) {
  return forward(query + position, source + position, source, mask);
}

torch::Tensor MultiheadAttentionImpl::attend(const torch::Tensor &q, const torch::Tensor &k,
                                             const torch::Tensor &v, const torch::Tensor &mask,
                                             double dropout) const {
  const auto split = [this](const torch::Tensor &tokens) {
    return tokens.view({tokens.size(0), tokens.size(1), heads_, -1}).transpose(1, 2);
  };
  const torch::Tensor attended = torch::scaled_dot_product_attention(
      split(q).expand({k.size(0), -1, -1, -1}), split(k), split(v),
      mask.defined() ? std::optional(mask.to(q.scalar_type())) : std::nullopt, dropout);
  return attended.transpose(1, 2).flatten(2);
}

torch::Tensor neighbor_mask(int height, int width, int mask_height, int mask_width) {
  const auto near = [](int extent, int window) {
    const torch::Tensor position = torch::arange(extent);
    return (position.unsqueeze(0) - position.unsqueeze(1)).abs() <= window / 2;
  };
  const torch::Tensor rows = near(height, mask_height).view({height, 1, height, 1});
  const torch::Tensor columns = near(width, mask_width).view({1, width, 1, width});
  const torch::Tensor hidden = (rows & columns).reshape({height * width, height * width});
  return torch::zeros(hidden.sizes()).masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

}  // namespace uniad
