// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/clusters.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace uniad {
namespace {

// n_a n_b / (n_a + n_b) |c_a - c_b|^2 is what joining a and b adds to the sum of squares. Joins the cheapest.
void join_nearest(Partition &clusters, const ChannelScale &scale) {
  std::vector<torch::Tensor> centres;
  std::vector<double> counts;
  for (const auto &cluster : clusters) {
    centres.push_back(cluster->descriptors / cluster->pictures);
    counts.push_back(static_cast<double>(cluster->pictures));
  }
  // The scale's mean cancels in differences.
  const torch::Tensor at = torch::stack(centres) * scale.inverse_std;
  const torch::Tensor power = at.square().sum(1);
  const torch::Tensor distances = power.unsqueeze(1) + power.unsqueeze(0) - 2 * at.mm(at.t());
  const torch::Tensor count = torch::tensor(counts, torch::kFloat64);
  const torch::Tensor pairs =
      count.unsqueeze(1) * count.unsqueeze(0) / (count.unsqueeze(1) + count.unsqueeze(0));
  torch::Tensor costs = pairs * distances;
  costs.fill_diagonal_(std::numeric_limits<double>::infinity());
  const auto cheapest = costs.argmin().item<std::int64_t>();
  const auto size = static_cast<std::int64_t>(clusters.size());
  const auto [first, second] = std::minmax({cheapest / size, cheapest % size});

  auto joined = std::make_shared<ClusterSums>(*clusters[static_cast<std::size_t>(first)]);
  *joined += *clusters[static_cast<std::size_t>(second)];
  clusters[static_cast<std::size_t>(first)] = std::move(joined);
  clusters.erase(clusters.begin() + second);
}

}  // namespace

Partition merge_down(Partition clusters, std::size_t most, const ChannelScale &scale) {
  while (clusters.size() > most) join_nearest(clusters, scale);
  return clusters;
}

Statistics merge(Statistics statistics, const Statistics &other) {
  Statistics everything = statistics;
  everything.insert(everything.end(), other.begin(), other.end());
  const ChannelScale scale = scale_of(everything, &ClusterSums::features);
  const torch::Tensor centres = centres_of(statistics, scale);
  const torch::Tensor other_centres = centres_of(other, scale);
  for (std::size_t i = 0; i < other.size(); ++i) {
    const torch::Tensor distances =
        (centres - other_centres[static_cast<std::int64_t>(i)]).square().mean(1).sqrt();
    const auto nearest = static_cast<std::size_t>(distances.argmin().item<std::int64_t>());
    const double spread = std::max(spread_of(everything[nearest], scale), spread_of(other[i], scale));
    if (distances.min().item<double>() <= spread)
      statistics[nearest] += other[i];
    else
      statistics.push_back(other[i]);
  }
  return statistics;
}

void OnlineClusters::add(ClusterSums picture) {
  const TokenSums &features = picture.features;
  const torch::Tensor sum = features.positions.sum(0);
  const torch::Tensor squares = features.products.diag();
  sum_ = sum_.defined() ? sum_ + sum : sum;
  squares_ = squares_.defined() ? squares_ + squares : squares.clone();
  tokens_ += static_cast<double>(features.positions.size(0));
  clusters_.push_back(std::make_shared<const ClusterSums>(std::move(picture)));
  if (clusters_.size() > most_) join_nearest(clusters_, channel_scale(sum_, squares_, tokens_));
}

}  // namespace uniad
