// SPDX-License-Identifier: Apache-2.0
// Assigns pictures to scenes.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/statistics/cluster_sums.h"
#include "model/statistics/folded_statistics.h"

namespace uniad {

// The scene of a picture.
struct Scene {
  std::size_t cluster = 0;
  float distance = 0;  // between its descriptor and the cluster's center; above 1 the scene is unknown
  // The Mahalanobis distance between its descriptor and the nearest center, divided by the square root of the
  // number of channels; 0 if the statistics cannot tell (picture_whitening()).
  float image = 0;
};

// The scenes of several pictures.
struct Route {
  torch::Tensor cluster;   // (pictures), int64
  torch::Tensor distance;  // (pictures), fp32
  torch::Tensor image;     // (pictures), fp32
};

// `scale`: scale_of(statistics, &ClusterSums::features).
FoldedScenes fold_scenes(std::span<const ClusterSums> statistics, const ChannelScale &scale);

// The scenes that the clusters represent. A picture belongs to the one whose center is nearest to its mean
// token.
class Scenes {
 public:
  explicit Scenes(FoldedScenes folded);
  // The scenes with only some tokens of a picture taken into account. cells: for each token, whether it
  // counts; empty: all do. folded: with the centers of these tokens.
  Scenes(FoldedScenes folded, std::vector<std::uint8_t> cells);

  std::size_t size() const { return folded_.limits.size(); }

  // features: (tokens, channels). descriptor: working memory.
  Scene nearest(std::span<const float> features, std::vector<float> &descriptor) const;
  // features: (B, channels, rows, columns), fp32.
  Route route(const torch::Tensor &features) const;

  const FoldedScenes &folded() const { return folded_; }
  bool measures_images() const { return !folded_.whitening.empty(); }
  // Moves the center that pictures are compared with as a whole, but not the one that determines their scene.
  // step: (channels), of the mean token.
  void move_center(std::size_t cluster, std::span<const float> step);

 private:
  float image_distance(std::span<const float> descriptor) const;
  // whitening * standardized
  std::vector<float> whitened(std::span<const float> standardized) const;

  FoldedScenes folded_;
  std::vector<float> whitened_centers_;  // (clusters, channels)
  std::vector<std::uint8_t> cells_;
};

// (channels, rows, columns) -> (tokens, channels), fp32.
std::vector<float> to_tokens(const torch::Tensor &picture);

}  // namespace uniad
