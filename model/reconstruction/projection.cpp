// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/projection.h"

namespace uniad {

ProjectionImpl::ProjectionImpl(int dim, bool of_two) : of_two_(of_two) {
  linear_ = register_module("linear", torch::nn::Linear(of_two ? 2 * dim : dim, dim));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})));
}

torch::Tensor ProjectionImpl::fuse(const torch::Tensor &query, const torch::Tensor &source,
                                   const torch::Tensor & /*position*/, const torch::Tensor & /*mask*/) {
  const torch::Tensor input =
      of_two_ ? torch::cat({query.expand({source.size(0), -1, -1}), source}, 2) : query;
  return torch::relu(norm_(linear_(input)));
}

}  // namespace uniad
