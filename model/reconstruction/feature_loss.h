// SPDX-License-Identifier: Apache-2.0
// The distance between features and their reconstruction.
#pragma once

#include <torch/torch.h>

#include "model/config/model_config.h"

namespace uniad {

// The training loss, a scalar. f: features, r: reconstruction, both (B, channels, height, width).
//   Mse            mean over pictures, channels and cells of (f - r)^2: the authors' code
//   NormalizedMse  mean over pictures and cells of |f / |f| - r / |r||^2, |x| a cell's norm over its channels
//                  (paper eq. A2)
//   Cosine         mean over pictures and cells of 1 - cos(f, r) over the channels of a cell (paper eq. A3)
// learned: (B, 1, height, width), bool; cells where it is false count as reconstructed without error.
// Undefined: there are none.
torch::Tensor feature_loss(FeatureLoss kind, const torch::Tensor &reconstruction,
                           const torch::Tensor &features, const torch::Tensor &learned = {});

// The anomaly grid that corresponds to the loss (paper eq. 5, appendix C.3): (B, height, width).
//   Mse            |f - r|
//   NormalizedMse  |f / |f| - r / |r||
//   Cosine         1 - cos(f, r)
torch::Tensor anomaly_grid(FeatureLoss kind, const torch::Tensor &features,
                           const torch::Tensor &reconstruction);

}  // namespace uniad
