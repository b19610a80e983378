// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad {

// Multi-head attention, batch first, with the parameter names of torch.nn.MultiheadAttention.
class MultiheadAttentionImpl : public torch::nn::Module {
 public:
  MultiheadAttentionImpl(int dim, int heads, double dropout);

  // query: (B or 1, N, dim), the 1 broadcast over the batch; key, value: (B, M, dim); mask: (N, M), added to
  // the scores, or undefined. Returns (B, N, dim).
  torch::Tensor forward(const torch::Tensor &query, const torch::Tensor &key, const torch::Tensor &value,
                        const torch::Tensor &mask);

  torch::Tensor in_proj_weight;  // (3 dim, dim): query, key, value
  torch::Tensor in_proj_bias;    // (3 dim)
  torch::nn::Linear out_proj{nullptr};

 private:
  torch::Tensor attend(const torch::Tensor &q, const torch::Tensor &k, const torch::Tensor &v,
                       const torch::Tensor &mask) const;

  int heads_;
  double dropout_;
};
TORCH_MODULE(MultiheadAttention);

// The neighbour mask (paper 3.3, facts 6): (height * width) x (height * width), -inf where key and query are
// within mask_height / 2 rows and mask_width / 2 columns of each other, else 0. Tokens are row-major.
torch::Tensor neighbour_mask(int height, int width, int mask_height, int mask_width);

}  // namespace uniad
