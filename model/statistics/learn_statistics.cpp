// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/learn_statistics.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "model/error.h"

namespace uniad {
namespace {

constexpr std::size_t most_clusters = 32;          // of a model's scenes learned at a time
constexpr std::size_t clusters_a_fold = 16;        // while they gather
constexpr std::size_t sample_memory = 64'000'000;  // bytes of features kept for scoring what was held back
constexpr std::size_t fewest_samples = 40;         // of a source
constexpr std::size_t deciding_samples = 40;       // of a fold, that choose the number of clusters
constexpr int all = -1;                            // no fold is left out

constexpr std::array<std::size_t, 10> numbers_of_clusters{1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

torch::Tensor to_half(const torch::Tensor &numbers) {
  constexpr double largest = 65504;
  return numbers.clamp(-largest, largest).to(torch::kFloat16).contiguous();
}

Statistics joined(Statistics statistics, const Partition &partition) {
  for (const auto &cluster : partition) statistics.push_back(*cluster);
  return statistics;
}

Statistics features_only(Statistics statistics) {
  for (ClusterSums &cluster : statistics) cluster.residuals = {};
  return statistics;
}

}  // namespace

StatisticsLearner::StatisticsLearner(Statistics known, const StatisticsConfig &config, std::size_t sources)
    : config_(config),
      known_(std::move(known)),
      sources_(std::max<std::size_t>(sources, 1)),
      folds_(folds, Fold(clusters_a_fold)) {
  if (!known_.empty()) router_.emplace_back(known_, config_);
}

bool StatisticsLearner::add(const std::string &source, int fold, const torch::Tensor &features,
                            const torch::Tensor &residuals) {
  ClusterSums picture = sums_of(features, residuals);
  if (!picture.features.products.isfinite().all().item<bool>() ||
      (residuals.defined() && !picture.residuals.products.isfinite().all().item<bool>())) {
    return false;
  }
  ++pictures_;
  fewest_ = fewest_pictures(features.size(0), features[0].numel());
  keep_sample({source, fold, features, residuals});
  Fold &target = folds_[static_cast<std::size_t>(fold)];
  if (!router_.empty()) {
    const Route route = router_.front().route(features.unsqueeze(0));
    if (route.distance.item<float>() <= 1) {
      target.known[static_cast<std::size_t>(route.cluster.item<std::int64_t>())] += picture;
      return true;
    }
  }
  target.fresh.add(std::move(picture));
  return true;
}

// Algorithm R (Vitter 1985) on each source: after n pictures each of them is kept equally likely.
void StatisticsLearner::keep_sample(Sample sample) {
  const std::size_t size = 2 * static_cast<std::size_t>(sample.features.numel()) *
                           (sample.residuals.defined() ? 2 : 1);  // in fp16
  const std::size_t most = std::max(fewest_samples, sample_memory / size / sources_);
  const auto seen = static_cast<std::size_t>(seen_[sample.source]++);
  std::vector<Sample> &kept = samples_[sample.source];
  const std::size_t place = seen < most ? seen : random_() % (seen + 1);
  if (place >= most) return;
  sample.features = to_half(sample.features);
  if (sample.residuals.defined()) sample.residuals = to_half(sample.residuals);
  if (place < kept.size())
    kept[place] = std::move(sample);
  else
    kept.push_back(std::move(sample));
}

Statistics StatisticsLearner::known_without(int left_out) const {
  Statistics statistics = known_;
  for (int fold = 0; fold < folds; ++fold) {
    if (fold == left_out) continue;
    for (const auto &[cluster, gained] : folds_[static_cast<std::size_t>(fold)].known)
      statistics[cluster] += gained;
  }
  return statistics;
}

Partition StatisticsLearner::fresh_without(int left_out, const ChannelScale &scale) const {
  Partition clusters;
  for (int fold = 0; fold < folds; ++fold) {
    if (fold == left_out) continue;
    const Partition &own = folds_[static_cast<std::size_t>(fold)].fresh.clusters();
    clusters.insert(clusters.end(), own.begin(), own.end());
  }
  return merge_down(std::move(clusters), most_clusters, scale);
}

std::vector<const StatisticsLearner::Sample *> StatisticsLearner::samples_of(int fold) const {
  std::vector<const Sample *> all_of_fold;
  for (const auto &[source, samples] : samples_) {
    for (const Sample &sample : samples)
      if (sample.fold == fold) all_of_fold.push_back(&sample);
  }
  return all_of_fold;
}

// Sum of the logarithm of the density of a fold's pictures, for each number of clusters.
std::vector<double> StatisticsLearner::densities(int fold, const ChannelScale &scale) const {
  std::vector<double> sums(numbers_of_clusters.size());
  Partition partition = fresh_without(fold, scale);
  const Statistics known = known_without(fold);
  const auto held_back = samples_of(fold);
  if (held_back.empty() || (partition.empty() && known.empty())) return sums;

  const std::size_t step = (held_back.size() + deciding_samples - 1) / deciding_samples;
  // Joining clusters leaves the scale of all as it is, so that the Gaussian of one that was not joined holds.
  const ChannelScale own_scale = scale_of(joined(known, partition), &ClusterSums::features);
  const auto gaussian = [&](const ClusterSums &cluster) {
    return gaussian_of(cluster.features, cluster.pictures, own_scale, config_.position_prior);
  };
  std::vector<Gaussian> of_known;
  for (const ClusterSums &cluster : known) of_known.push_back(gaussian(cluster));
  std::map<std::shared_ptr<const ClusterSums>, Gaussian> of_fresh;
  for (std::size_t i = sums.size(); i-- > 0;) {
    partition = merge_down(std::move(partition), numbers_of_clusters[i], scale);
    std::vector<Gaussian> all_gaussians = of_known;
    for (const auto &cluster : partition) {
      auto known_gaussian = of_fresh.find(cluster);
      if (known_gaussian == of_fresh.end())
        known_gaussian = of_fresh.emplace(cluster, gaussian(*cluster)).first;
      all_gaussians.push_back(known_gaussian->second);
    }
    const RoutedGaussians gaussians(features_only(joined(known, partition)), config_, all_gaussians);
    for (std::size_t k = 0; k < held_back.size(); k += step) {
      const torch::Tensor features = held_back[k]->features.unsqueeze(0).to(torch::kFloat32);
      sums[i] += gaussians.log_density(features, gaussians.route(features)).item<double>();
    }
  }
  return sums;
}

// The number under which pictures held back are likeliest, the fewest where there is nothing to tell.
std::size_t StatisticsLearner::choose_clusters(const ChannelScale &scale) const {
  std::vector<double> total(numbers_of_clusters.size());
  for (int fold = 0; fold < folds; ++fold) {
    const std::vector<double> sums = densities(fold, scale);
    std::transform(total.begin(), total.end(), sums.begin(), total.begin(), std::plus<>());
  }
  return numbers_of_clusters[static_cast<std::size_t>(std::max_element(total.begin(), total.end()) -
                                                      total.begin())];
}

StatisticsLearner::Learned StatisticsLearner::finish() const {
  if (pictures_ == 0 && known_.empty())
    throw Error("statistics", "no picture to learn from", "give normal pictures that can be read");
  const torch::NoGradGuard no_grad;
  Statistics everything = known_without(all);
  for (const Fold &fold : folds_)
    for (const auto &cluster : fold.fresh.clusters()) everything.push_back(*cluster);
  const ChannelScale scale = scale_of(everything, &ClusterSums::features);
  const std::size_t number = choose_clusters(scale);

  Learned learned;
  learned.statistics = joined(known_without(all), merge_down(fresh_without(all, scale), number, scale));
  std::map<std::string, std::vector<torch::Tensor>> by_source;
  for (int fold = 0; fold < folds; ++fold) {
    const auto samples = samples_of(fold);
    const auto grids = grids_without(fold, number, scale);
    for (std::size_t i = 0; i < grids.size(); ++i) by_source[samples[i]->source].push_back(grids[i]);
  }
  for (const auto &[source, parts] : by_source) learned.held_back_grids[source] = torch::cat(parts);
  return learned;
}

// Of a fold's pictures, under the statistics of all others.
std::vector<torch::Tensor> StatisticsLearner::grids_without(int fold, std::size_t clusters,
                                                            const ChannelScale &scale) const {
  const Statistics others =
      joined(known_without(fold), merge_down(fresh_without(fold, scale), clusters, scale));
  const auto held_back = samples_of(fold);
  std::vector<torch::Tensor> grids;
  if (held_back.empty() || others.empty()) return grids;
  const RoutedGaussians gaussians(others, config_);
  for (const Sample *sample : held_back) {
    const torch::Tensor features = sample->features.unsqueeze(0).to(torch::kFloat32);
    const torch::Tensor residuals =
        sample->residuals.defined() ? sample->residuals.unsqueeze(0).to(torch::kFloat32) : torch::Tensor();
    grids.push_back(gaussians.grid(features, residuals, gaussians.route(features)));
  }
  return grids;
}

}  // namespace uniad
