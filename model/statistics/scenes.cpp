// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/scenes.h"

#include <algorithm>
#include <cmath>
#include <limits>
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
      to_floats(scale.mean), to_floats(scale.inverse_std), to_floats(centers_of(statistics, scale)), {}};
  for (const ClusterSums &cluster : statistics) {
    folded.limits.push_back(
        static_cast<float>(std::max(another_scene, spreads_allowed * spread_of(cluster, scale))));
  }
  return folded;
}

Scenes::Scenes(FoldedScenes folded) : folded_(std::move(folded)) {}

Scenes::Scenes(FoldedScenes folded, std::vector<std::uint8_t> cells)
    : folded_(std::move(folded)), cells_(std::move(cells)) {}

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
  return nearest;
}

Route Scenes::route(const torch::Tensor &features) const {
  std::vector<std::int64_t> clusters;
  std::vector<float> distances;
  std::vector<float> descriptor;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const Scene scene = nearest(to_tokens(features[i]), descriptor);
    clusters.push_back(static_cast<std::int64_t>(scene.cluster));
    distances.push_back(scene.distance);
  }
  return {torch::tensor(clusters), torch::tensor(distances)};
}

}  // namespace uniad
