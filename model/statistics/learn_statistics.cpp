// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/learn_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "model/base/error.h"
#include "model/statistics/held_out.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {
namespace {

constexpr std::size_t sample_memory =
    64'000'000;                               // bytes of features that are kept for scoring held-out frames
constexpr std::size_t fewest_samples = 40;    // per source
constexpr std::size_t deciding_samples = 40;  // per fold, for choosing the number of clusters
constexpr int all = -1;                       // no fold is left out

torch::Tensor to_half(const torch::Tensor &numbers) {
  constexpr double largest = 65504;
  return numbers.clamp(-largest, largest).to(torch::kFloat16).contiguous();
}

// Whether all values are finite. Their sum of squares is not finite if one of them is not, and in fp64 it
// does not overflow.
bool are_numbers(const TokenSums &sums) {
  return std::isfinite(sums.products.sum().item<double>());
}

std::shared_ptr<const ClusterSums> features_only(ClusterSums cluster) {
  cluster.residuals = {};
  return std::make_shared<const ClusterSums>(std::move(cluster));
}

}  // namespace

StatisticsLearner::StatisticsLearner(Statistics known, const StatisticsConfig &config, std::size_t sources)
    : config_(config),
      known_(std::move(known)),
      sources_(std::max<std::size_t>(sources, 1)),
      folds_(folds, Fold(clusters_a_fold)) {
  if (!known_.empty()) scenes_.emplace(fold_scenes(known_, scale_of(known_, &ClusterSums::features)));
}

bool StatisticsLearner::add(const std::string &source, int fold, const torch::Tensor &features,
                            const torch::Tensor &residuals) {
  ClusterSums picture = sums_of(features, residuals);
  if (!are_numbers(picture.features) || (residuals.defined() && !are_numbers(picture.residuals)))
    return false;
  ++pictures_;
  fewest_ = fewest_pictures(features.size(0), features[0].numel());
  keep_sample({source, seen_[source]++, fold, features, residuals});
  Fold &target = folds_[static_cast<std::size_t>(fold)];
  if (!target.descriptor_products.defined())
    target.descriptor_products = torch::zeros_like(picture.features.products);
  target.descriptor_products.addr_(picture.descriptors, picture.descriptors);
  if (scenes_) {
    std::vector<float> descriptor;
    const Scene scene = scenes_->nearest(to_tokens(features), descriptor);
    if (scene.distance <= 1) {
      target.known[scene.cluster] += picture;
      return true;
    }
  }
  target.fresh.add(std::move(picture));
  return true;
}

// Algorithm R (Vitter 1985) for each source: after n pictures, each of them is kept with equal probability.
void StatisticsLearner::keep_sample(Sample sample) {
  const std::size_t size = 2 * static_cast<std::size_t>(sample.features.numel()) *
                           (sample.residuals.defined() ? 2 : 1);  // in fp16
  const std::size_t most = std::max(fewest_samples, sample_memory / size / sources_);
  const auto seen = static_cast<std::size_t>(sample.number);
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

Statistics StatisticsLearner::gained_by_known() const {
  std::map<std::size_t, ClusterSums> clusters;
  for (const Fold &fold : folds_)
    for (const auto &[cluster, gained] : fold.known) clusters[cluster] += gained;
  Statistics gained;
  for (auto &[cluster, sums] : clusters) gained.push_back(std::move(sums));
  return gained;
}

Partition StatisticsLearner::fresh_without(int left_out) const {
  Partition clusters;
  for (int fold = 0; fold < folds; ++fold) {
    if (fold == left_out) continue;
    const Partition &own = folds_[static_cast<std::size_t>(fold)].fresh.clusters();
    clusters.insert(clusters.end(), own.begin(), own.end());
  }
  return clusters;
}

torch::Tensor StatisticsLearner::products_without(int left_out) const {
  torch::Tensor products;
  for (int fold = 0; fold < folds; ++fold) {
    const torch::Tensor &own = folds_[static_cast<std::size_t>(fold)].descriptor_products;
    if (fold != left_out && own.defined()) products = products.defined() ? products + own : own.clone();
  }
  return products;
}

std::vector<const StatisticsLearner::Sample *> StatisticsLearner::samples_of(int fold) const {
  std::vector<const Sample *> all_of_fold;
  for (const auto &[source, samples] : samples_) {
    for (const Sample &sample : samples)
      if (sample.fold == fold) all_of_fold.push_back(&sample);
  }
  return all_of_fold;
}

// The log-likelihoods of a fold's pictures under the statistics of all other folds (held_out_densities).
std::vector<double> StatisticsLearner::densities_without(int fold, const ChannelScale &scale) const {
  const auto samples = samples_of(fold);
  const std::size_t step = (samples.size() + deciding_samples - 1) / deciding_samples;
  std::vector<torch::Tensor> pictures;
  for (std::size_t i = 0; i < samples.size(); i += step) pictures.push_back(samples[i]->features);
  Partition known;
  for (ClusterSums &cluster : known_without(fold)) known.push_back(features_only(std::move(cluster)));
  Partition fresh = fresh_without(fold);
  for (auto &cluster : fresh) cluster = features_only(*cluster);
  return held_out_densities(known, std::move(fresh), pictures, scale, config_.position_prior);
}

// The largest number of clusters with nearly the whole gain of several clusters over one, in the likelihood
// of held-out pictures. If the likelihood of normal pictures does not change, more clusters are better,
// because they are tighter and hide fewer anomalies. One, if several clusters gain nothing.
std::size_t StatisticsLearner::choose_clusters(const ChannelScale &scale) const {
  constexpr double kept = 0.98;
  std::vector<double> densities;  // for each number of clusters that all folds have tried
  for (int fold = 0; fold < folds; ++fold) {
    const std::vector<double> of_fold = densities_without(fold, scale);
    if (of_fold.empty()) continue;
    if (densities.empty()) densities.resize(of_fold.size());
    densities.resize(std::min(densities.size(), of_fold.size()));
    for (std::size_t number = 0; number < densities.size(); ++number) densities[number] += of_fold[number];
  }
  const auto best = std::ranges::max_element(densities);
  if (best == densities.begin()) return 1;
  const double enough = densities.front() + kept * (*best - densities.front());
  std::size_t chosen = densities.size() - 1;
  while (densities[chosen] < enough) --chosen;
  return cluster_counts[chosen];
}

StatisticsLearner::Learned StatisticsLearner::finish() const {
  if (pictures_ == 0 && known_.empty())
    throw Error(ErrorKind::Malformed, "statistics", "there is no picture to learn from",
                "provide readable normal pictures");
  const torch::NoGradGuard no_grad;
  const ChannelScale scale = this->scale();
  Learned learned;
  learned.clusters = choose_clusters(scale);
  const Partition fresh = ward_merge(fresh_without(all), learned.clusters, scale);
  learned.statistics = joined(known_without(all), fresh);
  learned.gained = joined(gained_by_known(), fresh);
  const torch::Tensor products = products_without(all);
  add_descriptor_products(learned.statistics, products);
  if (!learned.gained.empty()) add_descriptor_products(learned.gained, products);
  struct Held {
    int fold;
    torch::Tensor grid;
    std::optional<double> image;
  };
  std::map<std::string, std::map<std::int64_t, Held>> by_source;  // by number
  for (int fold = 0; fold < folds; ++fold) {
    const auto samples = samples_of(fold);
    const HeldOut judged = judge_without(fold, learned.clusters, scale);
    for (std::size_t i = 0; i < judged.grids.size(); ++i)
      by_source[samples[i]->source][samples[i]->number] = {
          fold, judged.grids[i], judged.images.empty() ? std::nullopt : std::optional(judged.images[i])};
  }
  for (const auto &[source, pictures] : by_source) {
    std::vector<torch::Tensor> grids;
    for (const auto &[number, held] : pictures) {
      grids.push_back(held.grid);
      learned.held_back_pictures[source].push_back(number);
      learned.held_back_folds[source].push_back(held.fold);
      if (held.image) learned.held_back_images[source].push_back(*held.image);
    }
    learned.held_back_grids[source] = torch::cat(grids);
  }
  return learned;
}

ChannelScale StatisticsLearner::scale() const {
  return scale_of(joined(known_without(all), fresh_without(all)), &ClusterSums::features);
}

Statistics StatisticsLearner::without(int fold, std::size_t clusters) const {
  return without(fold, clusters, scale());
}

Statistics StatisticsLearner::without(int fold, std::size_t clusters, const ChannelScale &scale) const {
  Statistics statistics = joined(known_without(fold), ward_merge(fresh_without(fold), clusters, scale));
  if (!statistics.empty()) add_descriptor_products(statistics, products_without(fold));
  return statistics;
}

// The pictures of a fold, judged by the statistics of all other folds.
StatisticsLearner::HeldOut StatisticsLearner::judge_without(int fold, std::size_t clusters,
                                                            const ChannelScale &scale) const {
  const Statistics others = without(fold, clusters, scale);
  const auto held_back = samples_of(fold);
  HeldOut judged;
  if (held_back.empty() || others.empty()) return judged;
  const RoutedGaussians gaussians(others, config_);
  for (const Sample *sample : held_back) {
    const torch::Tensor features = sample->features.unsqueeze(0).to(torch::kFloat32);
    const torch::Tensor residuals =
        sample->residuals.defined() ? sample->residuals.unsqueeze(0).to(torch::kFloat32) : torch::Tensor();
    const Route route = gaussians.route(features);
    judged.grids.push_back(gaussians.grid(features, residuals, route));
    if (gaussians.measures_images()) judged.images.push_back(route.image.item<double>());
  }
  return judged;
}

}  // namespace uniad
