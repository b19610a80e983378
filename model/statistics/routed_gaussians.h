// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <span>
#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/cluster_sums.h"
#include "model/statistics/folded_statistics.h"
#include "model/statistics/scenes.h"
#include "model/statistics/token_gaussian.h"

namespace uniad {

// Statistics of normal features in the form that frames are judged by: every token is measured by the
// Gaussian of the cluster that its picture belongs to. Standardising, shrinkage and inverses are folded into
// one matrix a cluster, in fp32.
class RoutedGaussians {
 public:
  // Throws Error (gaussian_of).
  RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config);

  // features, residuals: (tokens, channels). The grid: (tokens), as below. Thread-safe, with a scratch each.
  Scene scene_of(std::span<const float> features, TokenGaussian::Scratch &scratch) const {
    return scenes_.nearest(features, scratch.descriptor);
  }
  void measure(std::span<const float> features, std::span<const float> residuals, std::size_t cluster,
               std::span<float> grid, TokenGaussian::Scratch &scratch) const;

  // Batches of features: (B, channels, rows, columns), fp32.
  Route route(const torch::Tensor &features) const { return scenes_.route(features); }

  // (B, rows, columns), fp32: the Mahalanobis distance of every token over the square root of its
  // dimensions, so that 1 is as far as normal tokens lie on the average. residuals: as features, where the
  // statistics are of them too; then the root of the mean of both squares.
  torch::Tensor grid(const torch::Tensor &features, const torch::Tensor &residuals, const Route &route) const;

  bool of_residuals() const { return residuals_ != nullptr; }

  std::int64_t clusters() const { return static_cast<std::int64_t>(scenes_.size()); }

  // Drift: where a scene's means are now is followed picture by picture. Whether pictures are measured from
  // there, or from the means that were learned: adapt().
  void adapt(bool wanted) { adapting_ = wanted; }
  // The picture's cluster is followed by `rate`, 0 to 1. features: (tokens, channels).
  void follow(std::span<const float> features, std::size_t cluster, double rate);
  // How far the means have moved since they were learned: root mean square over positions, channels and the
  // clusters that were followed, in standard deviations of normal tokens.
  double drift() const;
  // The statistics with their means where they are measured from now.
  Statistics moved(Statistics statistics) const;

 private:
  explicit RoutedGaussians(FoldedStatistics folded);

  std::span<const float> feature_mean(std::size_t cluster) const;

  std::size_t channels_;
  Scenes scenes_;
  // Copies share them: most of the memory.
  std::shared_ptr<const std::vector<TokenGaussian>> features_;
  std::shared_ptr<const std::vector<TokenGaussian>> residuals_;  // or null
  std::vector<std::vector<float>> present_means_;                // of clusters that were followed; else empty
  bool adapting_ = false;
};

}  // namespace uniad
