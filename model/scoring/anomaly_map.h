// SPDX-License-Identifier: Apache-2.0
// Computes the anomaly grid of tokens from their residuals.
#pragma once

#include <span>

#include "model/config/model_config.h"

namespace uniad {

// anomaly_grid() (model/reconstruction/feature_loss.h) of one picture's tokens. features, residuals: (tokens,
// channels), residuals = features - reconstruction. values: (tokens).
void anomaly_values(FeatureLoss kind, std::span<const float> features, std::span<const float> residuals,
                    std::span<float> values);

}  // namespace uniad
