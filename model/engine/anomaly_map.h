// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/file/model_file.h"

namespace uniad {

// A vector shorter than this has no direction.
inline constexpr float least_feature_norm = 1e-12F;

// anomaly_grid() (model/reconstruction/feature_loss.h) of one picture's tokens. features, residuals: (tokens,
// channels), residuals = features - reconstruction. values: (tokens).
void anomaly_values(FeatureLoss kind, std::span<const float> features, std::span<const float> residuals,
                    std::span<float> values);

}  // namespace uniad
