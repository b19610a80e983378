// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/feature_loss.h"

namespace uniad {
namespace {

// Normalizes the channels of every cell to a vector of length 1.
torch::Tensor directions(const torch::Tensor &map) {
  return map / map.norm(2, 1, /*keepdim=*/true).clamp_min(least_feature_norm);
}

}  // namespace

torch::Tensor feature_loss(FeatureLoss kind, const torch::Tensor &reconstruction,
                           const torch::Tensor &features, const torch::Tensor &learned) {
  if (learned.defined()) return feature_loss(kind, torch::where(learned, reconstruction, features), features);
  switch (kind) {
    case FeatureLoss::Mse:
      break;
    case FeatureLoss::NormalizedMse:
      return (directions(reconstruction) - directions(features)).square().sum(1).mean();
    case FeatureLoss::Cosine:
      return 1 - (directions(reconstruction) * directions(features)).sum(1).mean();
  }
  return torch::mse_loss(reconstruction, features);
}

torch::Tensor anomaly_grid(FeatureLoss kind, const torch::Tensor &features,
                           const torch::Tensor &reconstruction) {
  switch (kind) {
    case FeatureLoss::Mse:
      break;
    case FeatureLoss::NormalizedMse:
      return (directions(reconstruction) - directions(features)).square().sum(1).sqrt();
    case FeatureLoss::Cosine:
      return 1 - (directions(reconstruction) * directions(features)).sum(1);
  }
  return (reconstruction - features).square().sum(1).sqrt();
}

}  // namespace uniad
