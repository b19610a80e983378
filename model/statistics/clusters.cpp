// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/clusters.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace uniad {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

// The increase of the sum of squares when two clusters of a partition are merged: n_a n_b / (n_a + n_b) |c_a
// - c_b|^2.
class JoiningCosts {
 public:
  // centers: (clusters, channels), standardized except for the mean, which cancels in differences.
  JoiningCosts(torch::Tensor centers, torch::Tensor counts)
      : centers_(std::move(centers)), counts_(std::move(counts)) {
    const torch::Tensor power = centers_.square().sum(1);
    const torch::Tensor distances = power.unsqueeze(1) + power.unsqueeze(0) - 2 * centers_.mm(centers_.t());
    costs_ = weights(counts_.unsqueeze(1)) * distances;
    costs_.fill_diagonal_(never);
  }

  // The two clusters whose union has the lowest cost, the one with the smaller index first.
  std::pair<std::int64_t, std::int64_t> cheapest() const {
    const auto place = costs_.argmin().item<std::int64_t>();
    const std::int64_t size = costs_.size(0);
    return std::minmax({place / size, place % size});
  }

  // The union replaces the first cluster, and the second one is removed.
  void join(std::int64_t first, std::int64_t second) {
    fill(second, torch::full_like(counts_, never));
    const torch::Tensor gone = costs_[first].isinf();  // the second one, those removed before, and itself
    const torch::Tensor count = counts_[first] + counts_[second];
    centers_[first] = (counts_[first] * centers_[first] + counts_[second] * centers_[second]) / count;
    counts_[first] = count;
    const torch::Tensor distances = (centers_ - centers_[first]).square().sum(1);
    fill(first, (weights(count) * distances).masked_fill(gone, never));
  }

 private:
  torch::Tensor weights(const torch::Tensor &count) const { return counts_ * count / (counts_ + count); }

  void fill(std::int64_t place, const torch::Tensor &costs) {
    costs_.select(0, place).copy_(costs);
    costs_.select(1, place).copy_(costs);
  }

  torch::Tensor centers_;  // (clusters, channels)
  torch::Tensor counts_;
  torch::Tensor costs_;  // (clusters, clusters)
};

}  // namespace

Statistics joined(Statistics statistics, const Partition &partition) {
  for (const auto &cluster : partition) statistics.push_back(*cluster);
  return statistics;
}

Partition ward_merge(Partition clusters, std::size_t most, const ChannelScale &scale) {
  if (clusters.size() <= most) return clusters;
  std::vector<torch::Tensor> centers;
  std::vector<double> counts;
  for (const auto &cluster : clusters) {
    centers.push_back(cluster->descriptors / cluster->pictures);
    counts.push_back(static_cast<double>(cluster->pictures));
  }
  JoiningCosts costs(torch::stack(centers) * scale.inverse_std, torch::tensor(counts, torch::kFloat64));
  std::vector<Partition> groups;
  for (const auto &cluster : clusters) groups.push_back({cluster});
  for (std::size_t left = groups.size(); left > most; --left) {
    const auto [first, second] = costs.cheapest();
    costs.join(first, second);
    Partition &group = groups[static_cast<std::size_t>(first)];
    Partition &other = groups[static_cast<std::size_t>(second)];
    group.insert(group.end(), other.begin(), other.end());
    other.clear();
  }
  Partition merged;
  for (const Partition &group : groups) {
    if (group.empty()) continue;
    merged.push_back(group.size() == 1 ? group.front() : std::make_shared<const ClusterSums>(sum_of(group)));
  }
  return merged;
}

Statistics merge(Statistics statistics, const Statistics &other) {
  Statistics everything = statistics;
  everything.insert(everything.end(), other.begin(), other.end());
  const ChannelScale scale = scale_of(everything, &ClusterSums::features);
  const torch::Tensor centers = centers_of(statistics, scale);
  const torch::Tensor other_centers = centers_of(other, scale);
  for (std::size_t i = 0; i < other.size(); ++i) {
    const torch::Tensor distances =
        (centers - other_centers[static_cast<std::int64_t>(i)]).square().mean(1).sqrt();
    const auto nearest = static_cast<std::size_t>(distances.argmin().item<std::int64_t>());
    const double spread = std::max(spread_of(everything[nearest], scale), spread_of(other[i], scale));
    if (distances.min().item<double>() <= spread)
      statistics[nearest] += other[i];
    else
      statistics.push_back(other[i]);
  }
  return statistics;
}

void OnlineClusters::place(std::int64_t place, const ClusterSums &cluster) {
  if (!descriptors_.defined()) {
    const auto places = static_cast<std::int64_t>(most_) + 1;
    descriptors_ = torch::zeros({places, cluster.descriptors.size(0)}, torch::kFloat64);
    counts_ = torch::zeros(places, torch::kFloat64);
  }
  descriptors_[place] = cluster.descriptors;
  counts_[place] = static_cast<double>(cluster.pictures);
}

void OnlineClusters::restore(State state) {
  clusters_ = std::move(state.clusters);
  sum_ = std::move(state.sum);
  squares_ = std::move(state.squares);
  tokens_ = state.tokens;
  descriptors_ = torch::Tensor();
  counts_ = torch::Tensor();
  for (std::size_t i = 0; i < clusters_.size(); ++i) place(static_cast<std::int64_t>(i), *clusters_[i]);
}

void OnlineClusters::add(ClusterSums picture) {
  const TokenSums &features = picture.features;
  const torch::Tensor sum = features.positions.sum(0);
  const torch::Tensor squares = features.products.diag();
  sum_ = sum_.defined() ? sum_ + sum : sum;
  squares_ = squares_.defined() ? squares_ + squares : squares.clone();
  tokens_ += static_cast<double>(features.positions.size(0));
  const auto last = std::ssize(clusters_);
  place(last, picture);
  clusters_.push_back(std::make_shared<const ClusterSums>(std::move(picture)));
  if (clusters_.size() <= most_) return;
  const ChannelScale scale = channel_scale(sum_, squares_, tokens_);
  const auto [first, second] =
      JoiningCosts(descriptors_ / counts_.unsqueeze(1) * scale.inverse_std, counts_.clone()).cheapest();
  auto &one = clusters_[static_cast<std::size_t>(first)];
  auto &other = clusters_[static_cast<std::size_t>(second)];
  one = std::make_shared<const ClusterSums>(sum_of(std::array{one, other}));
  descriptors_[first] += descriptors_[second];
  counts_[first] += counts_[second];
  // Moves the last cluster to the freed place.
  descriptors_[second] = descriptors_[last];
  counts_[second] = counts_[last];
  other = std::move(clusters_.back());
  clusters_.pop_back();
}

}  // namespace uniad
