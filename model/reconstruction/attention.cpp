// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/attention.h"

#include <cmath>
#include <limits>

#include "model/reconstruction/dropout.h"

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
  const std::int64_t batch = key.size(0);
  const auto project = [&](const torch::Tensor &tokens, std::size_t part) {
    const torch::Tensor projected = torch::linear(tokens, weights[part], biases[part]);
    return projected.view({projected.size(0), projected.size(1), heads_, -1}).transpose(1, 2);
  };
  const torch::Tensor q = project(query, 0).expand({batch, -1, -1, -1});
  const torch::Tensor k = project(key, 1);
  const torch::Tensor v = project(value, 2);
  const torch::Tensor attended =
      is_training()
          ? attend(q, k, v, mask)
          : torch::scaled_dot_product_attention(q, k, v, mask.defined() ? std::optional(mask) : std::nullopt);
  return out_proj(attended.transpose(1, 2).flatten(2));
}

// Step by step: the fused kernel has no dropout on the CPU, and its backward pass takes longer than this one.
torch::Tensor MultiheadAttentionImpl::attend(const torch::Tensor &q, const torch::Tensor &k,
                                             const torch::Tensor &v, const torch::Tensor &mask) const {
  const torch::Tensor q3 = q.flatten(0, 1);
  const torch::Tensor k3 = k.flatten(0, 1).transpose(1, 2);
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  const torch::Tensor scores =
      mask.defined() ? torch::baddbmm(mask.to(q3.dtype()), q3, k3, 1, scale) : torch::bmm(q3 * scale, k3);
  const torch::Tensor weights = fast_dropout(scores.softmax(-1), dropout_, true);
  return torch::bmm(weights, v.flatten(0, 1)).view_as(q);
}

torch::Tensor neighbour_mask(int height, int width, int mask_height, int mask_width) {
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
