// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/held_out.h"

#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "model/statistics/scenes.h"
#include "model/statistics/token_gaussian.h"

namespace uniad {
namespace {

// Caches the density of each picture under each cluster, because most clusters and their pictures stay the
// same for the next number of clusters. The clusters must outlive this object.
class Densities {
 public:
  Densities(std::span<const torch::Tensor> pictures, ChannelScale scale, double position_prior)
      : scale_(std::move(scale)), position_prior_(position_prior) {
    for (const torch::Tensor &picture : pictures) pictures_.push_back({to_tokens(picture), {}});
  }

  double sum_under(const Partition &clusters) {
    const Scenes scenes(fold_scenes(joined({}, clusters), scale_));
    double sum = 0;
    for (Picture &picture : pictures_) {
      const ClusterSums &cluster = *clusters[scenes.nearest(picture.tokens, scratch_.descriptor).cluster];
      const auto [known, is_new] = picture.densities.try_emplace(&cluster);
      if (is_new) known->second = density(picture.tokens, measure_of(cluster));
      sum += known->second;
    }
    return sum;
  }

 private:
  struct Picture {
    std::vector<float> tokens;
    std::map<const ClusterSums *, double> densities;
  };
  struct Measure {
    TokenGaussian gaussian;
    double log_determinant = 0;
  };

  const Measure &measure_of(const ClusterSums &cluster) {
    std::unique_ptr<const Measure> &measure = measures_[&cluster];
    if (!measure) {
      const Gaussian gaussian = gaussian_of(cluster.features, cluster.pictures, scale_, position_prior_);
      measure = std::make_unique<const Measure>(
          Measure{{to_floats(gaussian.mean), to_floats(gaussian.whitening)}, gaussian.log_determinant});
    }
    return *measure;
  }

  double density(const std::vector<float> &tokens, const Measure &measure) {
    const std::vector<float> &mean = measure.gaussian.mean();
    std::vector<float> squares(mean.size() / static_cast<std::size_t>(scale_.mean.size(0)));
    measure.gaussian.add_squared_distances(tokens, mean, squares, scratch_);
    const double total = std::accumulate(squares.begin(), squares.end(), 0.0);
    return -0.5 * (total / static_cast<double>(squares.size()) + measure.log_determinant);
  }

  ChannelScale scale_;
  double position_prior_;
  std::vector<Picture> pictures_;
  std::map<const ClusterSums *, std::unique_ptr<const Measure>> measures_;
  TokenGaussian::Scratch scratch_;
};

}  // namespace

std::vector<double> held_out_densities(const Partition &known, Partition fresh,
                                       std::span<const torch::Tensor> pictures, const ChannelScale &scale,
                                       double position_prior) {
  constexpr std::size_t patience = 3;  // numbers that are tried after the best one
  if (pictures.empty() || (known.empty() && fresh.empty())) return {};
  std::array<Partition, cluster_counts.size()> partitions;
  for (std::size_t i = cluster_counts.size(); i-- > 0;) {
    fresh = ward_merge(std::move(fresh), cluster_counts[i], scale);
    partitions[i] = known;
    partitions[i].insert(partitions[i].end(), fresh.begin(), fresh.end());
  }
  // Merging clusters does not change the overall scale, so cached densities are valid for every number of
  // clusters.
  Densities densities(pictures, scale_of(joined({}, partitions.front()), &ClusterSums::features),
                      position_prior);
  std::vector<double> sums;
  std::size_t best = 0;
  for (std::size_t number = 0; number < partitions.size() && number <= best + patience; ++number) {
    sums.push_back(densities.sum_under(partitions[number]));
    if (sums[number] > sums[best]) best = number;
  }
  return sums;
}

}  // namespace uniad
