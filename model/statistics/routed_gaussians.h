// SPDX-License-Identifier: Apache-2.0
// Measures features with the Gaussian of their scene.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/config/model_config.h"
#include "model/statistics/cluster_sums.h"
#include "model/statistics/folded_statistics.h"
#include "model/statistics/scenes.h"
#include "model/statistics/token_gaussian.h"

namespace uniad {

// Throws Error (gaussian_of).
FoldedStatistics fold_statistics(const Statistics &statistics, const StatisticsConfig &config);

// Statistics of normal features in the form that frames are judged with: every token is measured with the
// Gaussian of the cluster that its picture belongs to. Standardization, shrinkage and inversion are folded
// into one matrix per cluster, in fp32.
class RoutedGaussians {
 public:
  // Throws Error (gaussian_of).
  RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config);

  // features, residuals: (tokens, channels). The grid: (tokens), as below. Thread-safe if each thread has its
  // own scratch.
  Scene scene_of(std::span<const float> features, TokenGaussian::Scratch &scratch) const {
    return scenes_.nearest(features, scratch.descriptor);
  }
  // A copy of the scenes in which only the tokens of some cells count, with the mean of these tokens as
  // learned. cells: for each token, 1 if it counts.
  Scenes scenes_over(std::span<const std::uint8_t> cells) const;
  void measure(std::span<const float> features, std::span<const float> residuals, std::size_t cluster,
               std::span<float> grid, TokenGaussian::Scratch &scratch) const;

  // Batches of features: (B, channels, rows, columns), fp32.
  Route route(const torch::Tensor &features) const { return scenes_.route(features); }

  // (B, rows, columns), fp32: the Mahalanobis distance of every token divided by the square root of its
  // dimension, so that the average over normal tokens is 1. residuals: like features, if the statistics
  // include them; the result is then the root mean square of both distances.
  torch::Tensor grid(const torch::Tensor &features, const torch::Tensor &residuals, const Route &route) const;

  bool of_residuals() const { return residuals_ != nullptr; }
  bool measures_images() const { return scenes_.measures_images(); }

  std::int64_t clusters() const { return static_cast<std::int64_t>(scenes_.size()); }

  // Drift: the current means of a scene are tracked picture by picture. adapt() sets whether pictures are
  // measured from the current means or from the learned ones.
  void adapt(bool wanted) { adapting_ = wanted; }
  // Moves the means of the picture's cluster toward it by `rate`, 0 to 1. features: (tokens, channels).
  // cells: for each token, 1 if its mean is moved; empty: all are.
  void update_means(std::span<const float> features, std::size_t cluster, double rate,
                    std::span<const std::uint8_t> cells = {});
  // How far the means have moved since they were learned: root mean square over positions, channels and the
  // tracked clusters, in standard deviations of normal tokens.
  double drift() const;
  // The statistics with the current means.
  Statistics with_adapted_means(Statistics statistics) const;

 private:
  explicit RoutedGaussians(FoldedStatistics folded);

  std::span<const float> feature_mean(std::size_t cluster) const;

  std::size_t channels_;
  Scenes scenes_;
  // Shared between copies, because they use most of the memory.
  std::shared_ptr<const std::vector<TokenGaussian>> features_;
  std::shared_ptr<const std::vector<TokenGaussian>> residuals_;  // may be null
  std::vector<std::vector<float>> present_means_;                // of tracked clusters; otherwise empty
  bool adapting_ = false;
};

}  // namespace uniad
