// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/anomaly_map.h"

#include <algorithm>
#include <cmath>

#include "model/backbone/displacement.h"

namespace uniad {

Grid shape_of_grids(const ModelConfig &config) {
  const GridOrigin origin = grid_origin(config);
  return {config.input.width / 16, config.input.height / 16, {}, origin.left, origin.top};
}

namespace {

float length(std::span<const float> token) {
  float squares = 0;
  for (const float value : token) squares += value * value;
  return std::sqrt(squares);
}

// The distance between the directions of the token and of its reconstruction.
float distance_of_directions(FeatureLoss kind, std::span<const float> feature,
                             std::span<const float> residual) {
  double feature_squares = 0;
  double reconstruction_squares = 0;
  for (std::size_t c = 0; c < feature.size(); ++c) {
    const double reconstruction = double{feature[c]} - residual[c];
    feature_squares += double{feature[c]} * feature[c];
    reconstruction_squares += reconstruction * reconstruction;
  }
  const double feature_norm = std::max(std::sqrt(feature_squares), double{least_feature_norm});
  const double reconstruction_norm = std::max(std::sqrt(reconstruction_squares), double{least_feature_norm});
  double squares = 0;
  double cosine = 0;
  for (std::size_t c = 0; c < feature.size(); ++c) {
    const double a = feature[c] / feature_norm;
    const double b = (double{feature[c]} - residual[c]) / reconstruction_norm;
    squares += (a - b) * (a - b);
    cosine += a * b;
  }
  return static_cast<float>(kind == FeatureLoss::Cosine ? 1 - cosine : std::sqrt(squares));
}

}  // namespace

void anomaly_values(FeatureLoss kind, std::span<const float> features, std::span<const float> residuals,
                    std::span<float> values) {
  const std::size_t channels = residuals.size() / values.size();
  for (std::size_t t = 0; t < values.size(); ++t) {
    const std::span residual = residuals.subspan(t * channels, channels);
    values[t] = kind == FeatureLoss::Mse
                    ? length(residual)
                    : distance_of_directions(kind, features.subspan(t * channels, channels), residual);
  }
}

}  // namespace uniad
