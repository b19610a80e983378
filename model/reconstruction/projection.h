// SPDX-License-Identifier: Apache-2.0
// The projection that replaces attention in the MLP baseline.
#pragma once

#include "model/reconstruction/attention.h"

namespace uniad {

// The MLP's replacement for attention (paper, appendix B.1): relu(norm(linear(query))) or, for two different
// sources, relu(norm(linear([query, source]))). Tokens are processed independently.
class ProjectionImpl : public Fusion {
 public:
  ProjectionImpl(int dim, bool of_two);
  torch::Tensor fuse(const torch::Tensor &query, const torch::Tensor &source, const torch::Tensor &position,
                     const torch::Tensor &mask) override;

 private:
  bool of_two_;
  torch::nn::Linear linear_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(Projection);

}  // namespace uniad
