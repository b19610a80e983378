// SPDX-License-Identifier: Apache-2.0
#include "training/train/learn.h"

#include <algorithm>
#include <cstdint>

#include "training/train/features.h"

namespace uniad {

void standardize(Network &network, std::span<const SourceFeatures> sources, bool whiten) {
  std::vector<FeatureSet> trained;
  for (const SourceFeatures &source : sources) {
    trained.push_back({source.train.pictures, [&source](std::span<const std::int64_t> numbers) {
                         return without_ignored(source.train.gather(numbers), source.zones.get());
                       }});
  }
  const ChannelStatistics statistics = channel_statistics(trained);
  network.feature_mean = statistics.mean;
  network.feature_std = statistics.std;
  if (!whiten) return;
  network.feature_whitening =
      whitening_of(trained, [&](const torch::Tensor &features) { return network.standardize(features); });
}

LearningState begin_learning(Network &network, const LearningRule &rule) {
  const std::vector<torch::Tensor> parameters = network.trainable(rule.train_backbone);
  LearningState state{0, Optimizer(parameters, rule.schedule.weight_decay), {}};
  if (rule.average)
    for (const torch::Tensor &parameter : parameters) state.average.push_back(parameter.detach().clone());
  return state;
}

void learn(Network &network, const FeatureReader &features, Batches batches, const LearningRule &rule,
           LearningState &state, Workers &workers, const std::function<bool()> &stop,
           const StepDone &step_done) {
  UniAD &uniad = network.reconstruction;
  const std::vector<torch::Tensor> parameters = network.trainable(rule.train_backbone);
  uniad->train();
  for (bool stopped = false; state.step < rule.schedule.steps && !stopped;) {
    const double rate = learning_rate(rule.schedule, state.step);
    const Batches::Batch batch = batches.at(state.step);
    // Jitter and dropout use a separate stream for every worker, which does not depend on whether the
    // training was interrupted before this step.
    const auto stream = static_cast<std::uint64_t>(state.step * workers.rank().size + workers.rank().rank);
    torch::manual_seed(stream_seed(~rule.seed, stream));
    const StepResult result =
        training_step(uniad, features(batch.pictures, batch.epoch), batch.all, state.optimizer,
                      {rate, rule.schedule.clip, rule.bf16}, workers, stop());
    if (rule.average) {
      const torch::NoGradGuard no_grad;
      // The initial weights are random and must not influence the average for long.
      const auto steps = static_cast<double>(state.step);
      at::_foreach_lerp_(state.average, parameters, 1 - std::min(*rule.average, (1 + steps) / (10 + steps)));
    }
    ++state.step;
    stopped = result.stop;
    step_done(state.step, result, rate);
  }
  uniad->eval();
}

void learn(Network &network, const std::vector<SourceFeatures> &sources, const LearningRule &rule,
           const StepDone &step_done) {
  LearningState state = begin_learning(network, rule);
  Workers alone;
  learn(
      network, reader_of(network, sources),
      Batches(counts_of(sources), rule.batch, rule.schedule.balance, rule.seed), rule, state, alone,
      [] { return false; }, step_done);
}

FeatureReader reader_of(const Network &network, const std::vector<SourceFeatures> &sources) {
  return [&network, &sources](const torch::Tensor &pictures, std::int64_t) {
    const torch::NoGradGuard no_grad;
    const auto *chosen = pictures.data_ptr<std::int64_t>();
    const std::span<const std::int64_t> all(chosen, static_cast<std::size_t>(pictures.numel()));
    const bool any_zones = std::any_of(sources.begin(), sources.end(),
                                       [](const SourceFeatures &source) { return source.zones != nullptr; });
    std::vector<torch::Tensor> parts;
    std::vector<torch::Tensor> learned;
    std::int64_t first = 0;
    for (const SourceFeatures &source : sources) {
      std::vector<std::int64_t> numbers;
      for (const std::int64_t number : all)
        if (number >= first && number < first + source.train.pictures) numbers.push_back(number - first);
      first += source.train.pictures;
      if (numbers.empty()) continue;
      parts.push_back(source.train.gather(numbers));
      if (any_zones) learned.push_back(learned_cells_of(source, parts.back()));
    }
    if (parts.empty()) return StepPictures{torch::empty({0}), {}};
    const torch::Tensor features = network.standardize(torch::cat(parts));
    return StepPictures{features, any_zones ? torch::cat(learned).to(features.device()) : torch::Tensor()};
  };
}

torch::Tensor learned_cells_of(const SourceFeatures &source, const torch::Tensor &features) {
  const std::vector<std::int64_t> shape{features.size(0), 1, features.size(2), features.size(3)};
  if (!source.zones) return torch::ones(shape, features.options().dtype(torch::kBool));
  const std::vector<std::uint8_t> &kept = source.zones->kept.cells;
  const torch::Tensor cells = torch::tensor(c10::ArrayRef<std::uint8_t>(kept), torch::kUInt8);
  return cells.to(features.device(), torch::kBool).view({1, 1, shape[2], shape[3]}).expand(shape);
}

std::vector<std::int64_t> counts_of(const std::vector<SourceFeatures> &sources) {
  std::vector<std::int64_t> counts;
  for (const SourceFeatures &source : sources) counts.push_back(source.train.pictures);
  return counts;
}

std::vector<double> distances_of(const Network &network, const NetworkOutput &judged, const ZoneGrid *zones) {
  std::vector<double> distances;
  if (!network.statistics || !network.statistics->measures_images() || has_watch_zones(zones))
    return distances;
  for (std::int64_t i = 0; i < judged.route.image.size(0); ++i)
    distances.push_back(judged.route.image[i].item<double>());
  return distances;
}

JudgedSet judge_set(Network &network, const FeatureSet &features, ScoreKind kind, int batch,
                    const ZoneGrid *zones) {
  const torch::NoGradGuard no_grad;
  JudgedSet judged;
  visit_set(features, batch, [&](const torch::Tensor &raw) {
    const NetworkOutput output = network.judge_features(network.standardize(raw), zones);
    for (const double score : scores_of(output.grid, kind, zones)) judged.local.push_back(score);
    for (const double distance : distances_of(network, output, zones)) judged.distances.push_back(distance);
  });
  return judged;
}

}  // namespace uniad
