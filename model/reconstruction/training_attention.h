// SPDX-License-Identifier: Apache-2.0
// Attention with dropout for training on the CPU.
#pragma once

#include <torch/torch.h>

namespace uniad {

// On the CPU: dropout(softmax(q k^T / sqrt(dim / heads) + mask)) v for every head, with its gradient. Forward
// and backward pass process one picture at a time, so that its scores stay in the cache. (torch's own kernel
// has no dropout on the CPU, and its backward pass is slower.) q: (B or 1, N, dim), with 1 broadcast over the
// batch; k, v: (B, M, dim); mask: (N, M) or undefined, without gradient. All in the same type: fp32, fp64 or
// bf16. Returns (B, N, dim).
torch::Tensor training_attention(const torch::Tensor &q, const torch::Tensor &k, const torch::Tensor &v,
                                 const torch::Tensor &mask, std::int64_t heads, double dropout);

}  // namespace uniad
