// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/cluster_sums.h"

namespace uniad {

// Where a picture belongs.
struct Route {
  torch::Tensor cluster;   // (pictures), int64
  torch::Tensor distance;  // (pictures), fp32: of its descriptor from the cluster's centre; above 1 it shows
                           // nothing that was learned
};

// Statistics of normal features in the form that frames are judged by: a picture goes to the cluster whose
// centre is nearest to its mean token, and every token is measured by that cluster's Gaussian. Standardising,
// shrinkage and inverses are folded into one matrix a cluster, in fp32.
class RoutedGaussians {
 public:
  // Throws Error (gaussian_of).
  RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config);

  // With the Gaussians of the features given: they cost the most, and may be known.
  RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config,
                  const std::vector<Gaussian> &of_features);

  // features: (B, channels, rows, columns), fp32.
  Route route(const torch::Tensor &features) const;

  // (B, rows, columns), fp32: the Mahalanobis distance of every token over the square root of its
  // dimensions, so that 1 is as far as normal tokens lie on the average. residuals: as features, where the
  // statistics are of them too; then the root of the mean of both squares.
  torch::Tensor grid(const torch::Tensor &features, const torch::Tensor &residuals, const Route &route) const;

  // (B), fp32: logarithm of the density of a picture's tokens on the average, but for a constant.
  torch::Tensor log_density(const torch::Tensor &features, const Route &route) const;

  bool of_residuals() const { return !residuals_.empty(); }

  std::int64_t clusters() const { return static_cast<std::int64_t>(features_.size()); }

  // Drift: where a scene's means are now is followed picture by picture. Whether pictures are measured from
  // there, or from the means that were learned: adapt().
  void adapt(bool wanted) { adapting_ = wanted; }
  // The picture's cluster is followed by `rate`, 0 to 1. picture: (channels, rows, columns).
  void follow(const torch::Tensor &picture, std::int64_t cluster, double rate);
  // How far the means have moved since they were learned: root mean square over positions, channels and the
  // clusters that were followed, in standard deviations of normal tokens.
  double drift() const;
  // The statistics with their means where they are measured from now.
  Statistics moved(Statistics statistics) const;

 private:
  struct Measure {
    torch::Tensor mean;       // (tokens, channels)
    torch::Tensor whitening;  // (channels, channels)
    double log_determinant = 0;
  };
  static std::vector<Measure> measures_of(const std::vector<Gaussian> &gaussians);
  static torch::Tensor squared_distances(const torch::Tensor &picture, const torch::Tensor &mean,
                                         const Measure &measure);
  const torch::Tensor &feature_mean(std::size_t cluster) const;

  torch::Tensor descriptor_mean_;   // (channels)
  torch::Tensor descriptor_scale_;  // (channels)
  torch::Tensor centres_;           // (clusters, channels)
  torch::Tensor limits_;            // (clusters)
  std::vector<Measure> features_;
  std::vector<Measure> residuals_;
  std::vector<torch::Tensor> present_means_;  // of clusters that were followed; else undefined
  bool adapting_ = false;
};

}  // namespace uniad
