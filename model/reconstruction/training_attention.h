// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace uniad {

// On the CPU: softmax(q k^T / sqrt(dim / heads) + mask), dropped out, times v, for every head; with its
// gradient. Forward and backward pass go picture by picture, so that one's scores stay in the cache: torch's
// own kernel has no dropout on the CPU, and its backward pass takes longer. q: (B or 1, N, dim), the 1
// broadcast over the batch; k, v: (B, M, dim); mask: (N, M) or undefined, without gradient. All of one type:
// fp32, fp64 or bf16. Returns (B, N, dim).
torch::Tensor training_attention(const torch::Tensor &q, const torch::Tensor &k, const torch::Tensor &v,
                                 const torch::Tensor &mask, std::int64_t heads, double dropout);

}  // namespace uniad
