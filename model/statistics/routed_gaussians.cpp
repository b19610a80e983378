// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/routed_gaussians.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "model/statistics/one_torch_thread.h"

namespace uniad {
namespace {

// A descriptor is the mean of a picture's standardised tokens. Pictures of one scene lie within 0.2 of their
// centre (root mean square over channels), those of another product at 0.4 and more: docs/instant.md.
constexpr double another_scene = 0.3;
constexpr double spreads_allowed = 4;

std::vector<float> plain(const torch::Tensor &tensor) {
  const torch::Tensor dense = tensor.to(torch::kFloat32).contiguous();
  return {dense.data_ptr<float>(), dense.data_ptr<float>() + dense.numel()};
}

// (channels, rows, columns) -> (tokens, channels).
std::vector<float> tokens_of(const torch::Tensor &picture) {
  return plain(picture.flatten(1).t());
}

std::vector<FoldedGaussian> in_fp32(const std::vector<Gaussian> &gaussians) {
  std::vector<FoldedGaussian> all;
  for (const Gaussian &gaussian : gaussians) all.push_back({plain(gaussian.mean), plain(gaussian.whitening)});
  return all;
}

FoldedStatistics folded(const Statistics &statistics, const StatisticsConfig &config,
                        const std::vector<Gaussian> &of_features) {
  FoldedStatistics folded;
  const ChannelScale scale = scale_of(statistics, &ClusterSums::features);
  folded.descriptor_mean = plain(scale.mean);
  folded.descriptor_scale = plain(scale.inverse_std);
  folded.centres = plain(centres_of(statistics, scale));
  for (const ClusterSums &cluster : statistics) {
    folded.limits.push_back(
        static_cast<float>(std::max(another_scene, spreads_allowed * spread_of(cluster, scale))));
  }
  folded.features = in_fp32(of_features);
  if (statistics.front().residuals.defined())
    folded.residuals = in_fp32(gaussians_of(statistics, &ClusterSums::residuals, config.position_prior));
  return folded;
}

std::shared_ptr<const std::vector<TokenGaussian>> packed(std::vector<FoldedGaussian> gaussians) {
  std::vector<TokenGaussian> all;
  for (FoldedGaussian &gaussian : gaussians) all.emplace_back(std::move(gaussian.mean), gaussian.whitening);
  return std::make_shared<const std::vector<TokenGaussian>>(std::move(all));
}

torch::Tensor as_tensor(const std::vector<float> &values, std::size_t columns) {
  return torch::tensor(values).view({-1, static_cast<std::int64_t>(columns)});
}

}  // namespace

FoldedStatistics fold_statistics(const Model &model) {
  const OneTorchThread one_thread;
  const c10::InferenceMode inference;
  const StatisticsConfig &config = model.config.statistics.value();
  const Statistics statistics = load_statistics(model.tensors, config.residuals);
  return folded(statistics, config, gaussians_of(statistics, &ClusterSums::features, config.position_prior));
}

RoutedGaussians::RoutedGaussians(FoldedStatistics folded)
    : channels_(folded.descriptor_mean.size()),
      descriptor_mean_(std::move(folded.descriptor_mean)),
      descriptor_scale_(std::move(folded.descriptor_scale)),
      centres_(std::move(folded.centres)),
      limits_(std::move(folded.limits)),
      features_(packed(std::move(folded.features))),
      residuals_(folded.residuals.empty() ? nullptr : packed(std::move(folded.residuals))),
      present_means_(limits_.size()) {}

RoutedGaussians::RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config)
    : RoutedGaussians(statistics, config,
                      gaussians_of(statistics, &ClusterSums::features, config.position_prior)) {}

RoutedGaussians::RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config,
                                 const std::vector<Gaussian> &of_features)
    : RoutedGaussians(folded(statistics, config, of_features)) {
  for (const Gaussian &gaussian : of_features) log_determinants_.push_back(gaussian.log_determinant);
}

Scene RoutedGaussians::scene_of(std::span<const float> features, TokenGaussian::Scratch &scratch) const {
  std::vector<float> &descriptor = scratch.descriptor;
  descriptor.assign(channels_, 0);
  for (std::size_t i = 0; i < features.size(); i += channels_)
    for (std::size_t c = 0; c < channels_; ++c) descriptor[c] += features[i + c];
  const float tokens = static_cast<float>(features.size() / channels_);
  for (std::size_t c = 0; c < channels_; ++c)
    descriptor[c] = (descriptor[c] / tokens - descriptor_mean_[c]) * descriptor_scale_[c];
  Scene nearest;
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t cluster = 0; cluster < limits_.size(); ++cluster) {
    float squares = 0;
    for (std::size_t c = 0; c < channels_; ++c) {
      const float difference = descriptor[c] - centres_[cluster * channels_ + c];
      squares += difference * difference;
    }
    if (squares < least) {
      least = squares;
      nearest.cluster = cluster;
    }
  }
  nearest.distance = std::sqrt(least / static_cast<float>(channels_)) / limits_[nearest.cluster];
  return nearest;
}

std::span<const float> RoutedGaussians::feature_mean(std::size_t cluster) const {
  const std::vector<float> &present = present_means_[cluster];
  return adapting_ && !present.empty() ? present : (*features_)[cluster].mean();
}

void RoutedGaussians::measure(std::span<const float> features, std::span<const float> residuals,
                              std::size_t cluster, std::span<float> grid,
                              TokenGaussian::Scratch &scratch) const {
  std::fill(grid.begin(), grid.end(), 0.0F);
  auto dimensions = static_cast<float>(channels_);
  (*features_)[cluster].add_squared_distances(features, feature_mean(cluster), grid, scratch);
  if (of_residuals()) {
    (*residuals_)[cluster].add_squared_distances(residuals, (*residuals_)[cluster].mean(), grid, scratch);
    dimensions *= 2;
  }
  for (float &value : grid) value = std::sqrt(value / dimensions);
}

Route RoutedGaussians::route(const torch::Tensor &features) const {
  std::vector<std::int64_t> clusters;
  std::vector<float> distances;
  TokenGaussian::Scratch scratch;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const Scene scene = scene_of(tokens_of(features[i]), scratch);
    clusters.push_back(static_cast<std::int64_t>(scene.cluster));
    distances.push_back(scene.distance);
  }
  return {torch::tensor(clusters), torch::tensor(distances)};
}

torch::Tensor RoutedGaussians::grid(const torch::Tensor &features, const torch::Tensor &residuals,
                                    const Route &route) const {
  torch::Tensor grids = torch::empty({features.size(0), features.size(2), features.size(3)});
  TokenGaussian::Scratch scratch;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    torch::Tensor grid = grids[i];
    measure(tokens_of(features[i]), of_residuals() ? tokens_of(residuals[i]) : std::vector<float>(),
            static_cast<std::size_t>(route.cluster[i].item<std::int64_t>()),
            {grid.data_ptr<float>(), static_cast<std::size_t>(grid.numel())}, scratch);
  }
  return grids;
}

torch::Tensor RoutedGaussians::log_density(const torch::Tensor &features, const Route &route) const {
  std::vector<double> densities;
  TokenGaussian::Scratch scratch;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    const auto cluster = static_cast<std::size_t>(route.cluster[i].item<std::int64_t>());
    std::vector<float> squares(static_cast<std::size_t>(features.size(2) * features.size(3)));
    (*features_)[cluster].add_squared_distances(tokens_of(features[i]), (*features_)[cluster].mean(), squares,
                                                scratch);
    const double mean =
        std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(squares.size());
    densities.push_back(-0.5 * (mean + log_determinants_[cluster]));
  }
  return torch::tensor(densities, torch::kFloat32);
}

void RoutedGaussians::follow(std::span<const float> features, std::size_t cluster, double rate) {
  std::vector<float> &present = present_means_[cluster];
  if (present.empty()) present = (*features_)[cluster].mean();
  for (std::size_t i = 0; i < present.size(); ++i)
    present[i] += static_cast<float>(rate) * (features[i] - present[i]);
}

double RoutedGaussians::drift() const {
  double squares = 0;
  std::size_t tokens = 0;
  TokenGaussian::Scratch scratch;
  for (std::size_t i = 0; i < features_->size(); ++i) {
    if (present_means_[i].empty()) continue;
    std::vector<float> moved(present_means_[i].size() / channels_);
    (*features_)[i].add_squared_distances(present_means_[i], (*features_)[i].mean(), moved, scratch);
    squares += std::accumulate(moved.begin(), moved.end(), 0.0);
    tokens += moved.size();
  }
  return tokens > 0 ? std::sqrt(squares / static_cast<double>(tokens * channels_)) : 0;
}

Statistics RoutedGaussians::moved(Statistics statistics) const {
  for (std::size_t i = 0; adapting_ && i < statistics.size(); ++i) {
    if (present_means_[i].empty()) continue;
    // n pictures, each moved by the same: the deviations from the mean stay as they are.
    ClusterSums &cluster = statistics[i];
    const auto count = static_cast<double>(cluster.pictures);
    const torch::Tensor move =
        (as_tensor(present_means_[i], channels_) - as_tensor((*features_)[i].mean(), channels_))
            .to(torch::kFloat64);
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
