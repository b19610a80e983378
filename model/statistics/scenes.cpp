// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/scenes.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace uniad {
namespace {

// A descriptor is the mean of a picture's standardized tokens. Pictures of one scene lie within 0.2 of their
// center (root mean square over channels), those of another product at 0.4 and more: docs/instant.md.
constexpr double another_scene = 0.3;
constexpr double spreads_allowed = 4;

}  // namespace

std::vector<float> to_tokens(const torch::Tensor &picture) {
  return to_floats(picture.flatten(1).t());
}

FoldedScenes fold_scenes(std::span<const ClusterSums> statistics, const ChannelScale &scale) {
  FoldedScenes folded{
      to_floats(scale.mean), to_floats(scale.inverse_std), to_floats(centers_of(statistics, scale)), {}, {}};
  for (const ClusterSums &cluster : statistics) {
    folded.limits.push_back(
        static_cast<float>(std::max(another_scene, spreads_allowed * spread_of(cluster, scale))));
  }
  const torch::Tensor whitening = picture_whitening(statistics, scale);
  if (whitening.defined()) folded.whitening = to_floats(whitening);
  return folded;
}

Scenes::Scenes(FoldedScenes folded) : Scenes(std::move(folded), {}) {}

Scenes::Scenes(FoldedScenes folded, std::vector<std::uint8_t> cells)
    : folded_(std::move(folded)), cells_(std::move(cells)) {
  const std::size_t channels = folded_.descriptor_mean.size();
  for (std::size_t cluster = 0; measures_images() && cluster < size(); ++cluster) {
    const auto center = whitened(std::span(folded_.centers).subspan(cluster * channels, channels));
    whitened_centers_.insert(whitened_centers_.end(), center.begin(), center.end());
  }
}

std::vector<float> Scenes::whitened(std::span<const float> standardized) const {
  const std::size_t channels = standardized.size();
  std::vector<float> result(channels);
  for (std::size_t row = 0; row < channels; ++row) {
    const auto weights = folded_.whitening.begin() + static_cast<std::ptrdiff_t>(row * channels);
    result[row] = std::transform_reduce(weights, weights + static_cast<std::ptrdiff_t>(row) + 1,
                                        standardized.begin(), 0.0F);
  }
  return result;
}

float Scenes::image_distance(std::span<const float> descriptor) const {
  const std::vector<float> picture = whitened(descriptor);
  float least = std::numeric_limits<float>::infinity();
  for (auto center = whitened_centers_.begin(); center != whitened_centers_.end();
       center += std::ssize(picture))
    least = std::min(least, std::transform_reduce(picture.begin(), picture.end(), center, 0.0F, std::plus<>(),
                                                  [](float a, float b) { return (a - b) * (a - b); }));
  return std::sqrt(least / static_cast<float>(picture.size()));
}

void Scenes::move_center(std::size_t cluster, std::span<const float> step) {
  if (!measures_images()) return;
  std::vector<float> standardized(step.size());
  std::ranges::transform(step, folded_.descriptor_scale, standardized.begin(), std::multiplies<>());
  const std::vector<float> moved = whitened(standardized);
  float *center = whitened_centers_.data() + cluster * step.size();
  for (const float part : moved) *center++ += part;
}

Scene Scenes::nearest(std::span<const float> features, std::vector<float> &descriptor) const {
  const std::size_t channels = folded_.descriptor_mean.size();
  descriptor.assign(channels, 0);
  std::size_t counted = 0;
  for (std::size_t i = 0; i < features.size(); i += channels) {
    if (!cells_.empty() && cells_[i / channels] == 0) continue;
    ++counted;
    for (std::size_t c = 0; c < channels; ++c) descriptor[c] += features[i + c];
  }
  if (counted == 0) return {};
  const float tokens = static_cast<float>(counted);
  for (std::size_t c = 0; c < channels; ++c)
    descriptor[c] = (descriptor[c] / tokens - folded_.descriptor_mean[c]) * folded_.descriptor_scale[c];
  Scene nearest;
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t cluster = 0; cluster < size(); ++cluster) {
    float squares = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const float difference = descriptor[c] - folded_.centers[cluster * channels + c];
      squares += difference * difference;
    }
    if (squares < least) {
      least = squares;
      nearest.cluster = cluster;
    }
  }
  nearest.distance = std::sqrt(least / static_cast<float>(channels)) / folded_.limits[nearest.cluster];
  if (measures_images()) nearest.image = image_distance(descriptor);
  return nearest;
}

Route Scenes::route(const torch::Tensor &features) const {
  std::vector<std::int64_t> clusters;
  std::vector<float> distances;
  std::vector<float> images;
  std::vector<float> descriptor;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const Scene scene = nearest(to_tokens(features[i]), descriptor);
    clusters.push_back(static_cast<std::int64_t>(scene.cluster));
    distances.push_back(scene.distance);
    images.push_back(scene.image);
  }
  return {torch::tensor(clusters), torch::tensor(distances), torch::tensor(images)};
}

}  // namespace uniad
