// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/routed_gaussians.h"

#include <algorithm>
#include <cmath>

namespace uniad {
namespace {

// A descriptor is the mean of a picture's standardised tokens. Pictures of one scene lie within 0.2 of their
// centre (root mean square over channels), those of another product at 0.4 and more: docs/instant.md.
constexpr double another_scene = 0.3;
constexpr double spreads_allowed = 4;

torch::Tensor tokens_of(const torch::Tensor &picture) {
  return picture.flatten(1).t();
}

}  // namespace

std::vector<RoutedGaussians::Measure> RoutedGaussians::measures_of(const std::vector<Gaussian> &gaussians) {
  std::vector<Measure> measures;
  for (const Gaussian &gaussian : gaussians) {
    measures.push_back({gaussian.mean.to(torch::kFloat32), gaussian.whitening.to(torch::kFloat32),
                        gaussian.log_determinant});
  }
  return measures;
}

RoutedGaussians::RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config)
    : RoutedGaussians(statistics, config,
                      gaussians_of(statistics, &ClusterSums::features, config.position_prior)) {}

RoutedGaussians::RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config,
                                 const std::vector<Gaussian> &of_features)
    : features_(measures_of(of_features)), present_means_(statistics.size()) {
  if (statistics.front().residuals.defined()) {
    residuals_ = measures_of(gaussians_of(statistics, &ClusterSums::residuals, config.position_prior));
  }
  const ChannelScale scale = scale_of(statistics, &ClusterSums::features);
  descriptor_mean_ = scale.mean.to(torch::kFloat32);
  descriptor_scale_ = scale.inverse_std.to(torch::kFloat32);
  centres_ = centres_of(statistics, scale).to(torch::kFloat32);

  std::vector<float> limits;
  for (const ClusterSums &cluster : statistics) {
    limits.push_back(
        static_cast<float>(std::max(another_scene, spreads_allowed * spread_of(cluster, scale))));
  }
  limits_ = torch::tensor(limits);
}

Route RoutedGaussians::route(const torch::Tensor &features) const {
  const torch::Tensor descriptors = (features.mean({2, 3}) - descriptor_mean_) * descriptor_scale_;
  const torch::Tensor distances =
      (descriptors.unsqueeze(1) - centres_).square().mean(2).sqrt();  // (B, clusters)
  const auto [distance, cluster] = distances.min(1);
  return {cluster, distance / limits_.index_select(0, cluster)};
}

const torch::Tensor &RoutedGaussians::feature_mean(std::size_t cluster) const {
  const torch::Tensor &present = present_means_[cluster];
  return adapting_ && present.defined() ? present : features_[cluster].mean;
}

torch::Tensor RoutedGaussians::squared_distances(const torch::Tensor &picture, const torch::Tensor &mean,
                                                 const Measure &measure) {
  return (tokens_of(picture) - mean).mm(measure.whitening.t()).square().sum(1);
}

torch::Tensor RoutedGaussians::grid(const torch::Tensor &features, const torch::Tensor &residuals,
                                    const Route &route) const {
  std::vector<torch::Tensor> grids;
  const torch::Tensor clusters = route.cluster.cpu();
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const auto cluster = static_cast<std::size_t>(clusters[i].item<std::int64_t>());
    torch::Tensor squares = squared_distances(features[i], feature_mean(cluster), features_[cluster]);
    auto dimensions = static_cast<double>(features.size(1));
    if (of_residuals()) {
      squares = squares + squared_distances(residuals[i], residuals_[cluster].mean, residuals_[cluster]);
      dimensions *= 2;
    }
    grids.push_back((squares / dimensions).sqrt().view({features.size(2), features.size(3)}));
  }
  return torch::stack(grids);
}

torch::Tensor RoutedGaussians::log_density(const torch::Tensor &features, const Route &route) const {
  std::vector<torch::Tensor> densities;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const Measure &measure = features_[static_cast<std::size_t>(route.cluster[i].item<std::int64_t>())];
    densities.push_back(
        -0.5 * (squared_distances(features[i], measure.mean, measure).mean() + measure.log_determinant));
  }
  return torch::stack(densities);
}

void RoutedGaussians::follow(const torch::Tensor &picture, std::int64_t cluster, double rate) {
  torch::Tensor &present = present_means_[static_cast<std::size_t>(cluster)];
  if (!present.defined()) present = features_[static_cast<std::size_t>(cluster)].mean.clone();
  present.lerp_(tokens_of(picture), rate);
}

double RoutedGaussians::drift() const {
  double squares = 0;
  int clusters = 0;
  for (std::size_t i = 0; i < features_.size(); ++i) {
    if (!present_means_[i].defined()) continue;
    const torch::Tensor moved = (present_means_[i] - features_[i].mean).mm(features_[i].whitening.t());
    squares += moved.square().mean().item<double>();
    ++clusters;
  }
  return clusters > 0 ? std::sqrt(squares / clusters) : 0;
}

Statistics RoutedGaussians::moved(Statistics statistics) const {
  for (std::size_t i = 0; adapting_ && i < statistics.size(); ++i) {
    if (!present_means_[i].defined()) continue;
    // n pictures, each moved by the same: the deviations from the mean stay as they are.
    ClusterSums &cluster = statistics[i];
    const auto count = static_cast<double>(cluster.pictures);
    const torch::Tensor move = (present_means_[i] - features_[i].mean).to(torch::kFloat64);
    const torch::Tensor cross = cluster.features.positions.t().mm(move);
    cluster.features.products = cluster.features.products + cross + cross.t() + count * move.t().mm(move);
    cluster.features.positions = cluster.features.positions + count * move;
    const torch::Tensor step = move.mean(0);
    cluster.descriptor_squares =
        cluster.descriptor_squares + 2 * cluster.descriptors * step + count * step.square();
    cluster.descriptors = cluster.descriptors + count * step;
  }
  return statistics;
}

}  // namespace uniad
