// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/routed_gaussians.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace uniad {
namespace {

std::vector<FoldedGaussian> in_fp32(const std::vector<Gaussian> &gaussians) {
  std::vector<FoldedGaussian> all;
  for (const Gaussian &gaussian : gaussians)
    all.push_back({to_floats(gaussian.mean), to_floats(gaussian.whitening)});
  return all;
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

FoldedStatistics fold_statistics(const Statistics &statistics, const StatisticsConfig &config) {
  FoldedStatistics folded;
  folded.scenes = fold_scenes(statistics, scale_of(statistics, &ClusterSums::features));
  folded.features = in_fp32(gaussians_of(statistics, &ClusterSums::features, config.position_prior));
  if (statistics.front().residuals.defined())
    folded.residuals = in_fp32(gaussians_of(statistics, &ClusterSums::residuals, config.position_prior));
  return folded;
}

RoutedGaussians::RoutedGaussians(FoldedStatistics folded)
    : channels_(folded.scenes.descriptor_mean.size()),
      scenes_(std::move(folded.scenes)),
      features_(packed(std::move(folded.features))),
      residuals_(folded.residuals.empty() ? nullptr : packed(std::move(folded.residuals))),
      present_means_(features_->size()) {}

RoutedGaussians::RoutedGaussians(const Statistics &statistics, const StatisticsConfig &config)
    : RoutedGaussians(fold_statistics(statistics, config)) {}

std::span<const float> RoutedGaussians::feature_mean(std::size_t cluster) const {
  const std::vector<float> &present = present_means_[cluster];
  return adapting_ && !present.empty() ? present : (*features_)[cluster].mean();
}

// The mean of fewer tokens varies more, so limits grow with the standard error of a mean.
Scenes RoutedGaussians::scenes_over(std::span<const std::uint8_t> cells) const {
  FoldedScenes folded = scenes_.folded();
  const auto counted = static_cast<float>(std::accumulate(cells.begin(), cells.end(), std::size_t{0}));
  if (counted == 0) return Scenes(std::move(folded), {cells.begin(), cells.end()});
  for (std::size_t cluster = 0; cluster < scenes_.size(); ++cluster) {
    const std::vector<float> &means = (*features_)[cluster].mean();
    for (std::size_t c = 0; c < channels_; ++c) {
      float sum = 0;
      for (std::size_t token = 0; token < cells.size(); ++token)
        if (cells[token] != 0) sum += means[token * channels_ + c];
      folded.centers[cluster * channels_ + c] =
          (sum / counted - folded.descriptor_mean[c]) * folded.descriptor_scale[c];
    }
    folded.limits[cluster] *= std::sqrt(static_cast<float>(cells.size()) / counted);
  }
  return Scenes(std::move(folded), {cells.begin(), cells.end()});
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

torch::Tensor RoutedGaussians::grid(const torch::Tensor &features, const torch::Tensor &residuals,
                                    const Route &route) const {
  torch::Tensor grids = torch::empty({features.size(0), features.size(2), features.size(3)});
  TokenGaussian::Scratch scratch;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    torch::Tensor grid = grids[i];
    measure(to_tokens(features[i]), of_residuals() ? to_tokens(residuals[i]) : std::vector<float>(),
            static_cast<std::size_t>(route.cluster[i].item<std::int64_t>()),
            {grid.data_ptr<float>(), static_cast<std::size_t>(grid.numel())}, scratch);
  }
  return grids;
}

void RoutedGaussians::update_means(std::span<const float> features, std::size_t cluster, double rate,
                                   std::span<const std::uint8_t> cells) {
  std::vector<float> &present = present_means_[cluster];
  if (present.empty()) present = (*features_)[cluster].mean();
  std::vector<float> step(channels_);  // of the mean token
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (!cells.empty() && cells[i / channels_] == 0) continue;
    const float moved = static_cast<float>(rate) * (features[i] - present[i]);
    present[i] += moved;
    step[i % channels_] += moved * static_cast<float>(channels_) / static_cast<float>(present.size());
  }
  if (adapting_) scenes_.move_center(cluster, step);
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

Statistics RoutedGaussians::with_adapted_means(Statistics statistics) const {
  for (std::size_t i = 0; adapting_ && i < statistics.size(); ++i) {
    if (present_means_[i].empty()) continue;
    // n pictures, each shifted by the same amount: the deviations from the mean do not change.
    ClusterSums &cluster = statistics[i];
    const auto count = static_cast<double>(cluster.pictures);
    const torch::Tensor move =
        (as_tensor(present_means_[i], channels_) - as_tensor((*features_)[i].mean(), channels_))
            .to(torch::kFloat64);
    const torch::Tensor cross = cluster.features.positions.t().mm(move);
    cluster.features.products = cluster.features.products + cross + cross.t() + count * move.t().mm(move);
    cluster.features.positions = cluster.features.positions + count * move;
    const torch::Tensor step = move.mean(0);
    const torch::Tensor moved = torch::outer(cluster.descriptors, step);
    add_descriptor_products({&cluster, 1}, moved + moved.t() + count * torch::outer(step, step));
    cluster.descriptor_squares =
        cluster.descriptor_squares + 2 * cluster.descriptors * step + count * step.square();
    cluster.descriptors = cluster.descriptors + count * step;
  }
  return statistics;
}

}  // namespace uniad
