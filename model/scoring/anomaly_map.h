// SPDX-License-Identifier: Apache-2.0
// Computes the anomaly grid of tokens from their residuals.
#pragma once

#include <span>

#include "model/config/model_config.h"
#include "model/scoring/score.h"

namespace uniad {

// The shape and the place of a model's anomaly grids, without values.
Grid shape_of_grids(const ModelConfig &config);

// anomaly_grid() (model/reconstruction/feature_loss.h) of one picture's tokens. features, residuals: (tokens,
// channels), residuals = features - reconstruction. values: (tokens).
void anomaly_values(FeatureLoss kind, std::span<const float> features, std::span<const float> residuals,
                    std::span<float> values);

}  // namespace uniad
