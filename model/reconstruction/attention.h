// SPDX-License-Identifier: Apache-2.0
// Multi-head attention, and the neighbor mask.
#pragma once

#include <torch/torch.h>

namespace uniad {

// Combines two sources of tokens in a layer: an attention, or its replacement in the MLP.
class Fusion : public torch::nn::Module {
 public:
  // query: (B or 1, N, dim), source: (B, N, dim). position: (N, dim) and mask: (N, N) for attention,
  // otherwise undefined. Returns (B, N, dim).
  virtual torch::Tensor fuse(const torch::Tensor &query, const torch::Tensor &source,
                             const torch::Tensor &position, const torch::Tensor &mask) = 0;
};

// Multi-head attention, batch first, with the parameter names of torch.nn.MultiheadAttention.
class MultiheadAttentionImpl : public Fusion {
 public:
  MultiheadAttentionImpl(int dim, int heads, double dropout);

  // query: (B or 1, N, dim), with 1 broadcast over the batch; key, value: (B, M, dim); mask: (N, M), added to
  // the scores, or undefined. Returns (B, N, dim).
  torch::Tensor forward(const torch::Tensor &query, const torch::Tensor &key, const torch::Tensor &value,
                        const torch::Tensor &mask);

  // Positions are added to query and key, never to the value.
  torch::Tensor fuse(const torch::Tensor &query, const torch::Tensor &source, const torch::Tensor &position,
                     const torch::Tensor &mask) override;

  torch::Tensor in_proj_weight;  // (3 dim, dim): query, key, value
  torch::Tensor in_proj_bias;    // (3 dim)
  torch::nn::Linear out_proj{nullptr};

 private:
  torch::Tensor attend(const torch::Tensor &q, const torch::Tensor &k, const torch::Tensor &v,
                       const torch::Tensor &mask, double dropout) const;

  int heads_;
  double dropout_;
};
TORCH_MODULE(MultiheadAttention);

// The neighbor mask (paper 3.3, docs/network-details.md, "Reconstruction"): (height * width) x (height *
// width), -inf where key and query are within mask_height / 2 rows and mask_width / 2 columns of each other,
// otherwise 0. Tokens are row-major.
torch::Tensor neighbor_mask(int height, int width, int mask_height, int mask_width);

}  // namespace uniad
