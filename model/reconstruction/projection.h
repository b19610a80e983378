// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/reconstruction/attention.h"

namespace uniad {

// The MLP's stand-in for an attention (paper, appendix B.1): relu(norm(linear(query))), or, of two different
// sources, relu(norm(linear([query, source]))). Every token for itself.
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
