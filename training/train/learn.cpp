// SPDX-License-Identifier: Apache-2.0
#include "training/train/learn.h"

#include <algorithm>

#include "training/train/features.h"

namespace uniad {

void standardise(Network &network, std::vector<SourceFeatures> &sources, bool whiten) {
  std::vector<torch::Tensor> trained;
  for (const SourceFeatures &source : sources) trained.push_back(source.train);
  const ChannelStatistics statistics = channel_statistics(trained);
  network.feature_mean = statistics.mean;
  network.feature_std = statistics.std;
  // In place, so that `trained` changes with the sources.
  const auto each = [&](auto change) {
    for (SourceFeatures &source : sources) {
      for (torch::Tensor *values : {&source.train, &source.held_back}) {
        for (std::int64_t i = 0; i < values->size(0); ++i)
          (*values)[i].copy_(change((*values)[i].unsqueeze(0).to(torch::kFloat32))[0]);
      }
    }
  };
  each([&](const torch::Tensor &features) { return network.standardise(features); });
  if (!whiten) return;
  network.feature_whitening = whitening_of(trained);
  each([&](const torch::Tensor &features) { return network.whiten(features); });
}

LearningState begin_learning(Network &network, const LearningRule &rule) {
  const std::vector<torch::Tensor> parameters = network.reconstruction->parameters();
  LearningState state{0, Optimiser(parameters, rule.schedule.weight_decay), {}};
  if (rule.average)
    for (const torch::Tensor &parameter : parameters) state.average.push_back(parameter.detach().clone());
  return state;
}

void learn(Network &network, const FeatureReader &features, Batches batches, const LearningRule &rule,
           LearningState &state, Workers &workers, const std::function<bool()> &stop,
           const StepDone &step_done) {
  UniAD &uniad = network.reconstruction;
  const std::vector<torch::Tensor> parameters = uniad->parameters();
  uniad->train();
  for (bool stopped = false; state.step < rule.schedule.steps && !stopped;) {
    const double rate = learning_rate(rule.schedule, state.step);
    const Batches::Batch batch = batches.at(state.step);
    // Jitter and dropout: another stream for every worker, the same whether the training was broken off
    // before this step or not.
    const auto stream = static_cast<std::uint64_t>(state.step * workers.rank().size + workers.rank().rank);
    torch::manual_seed(stream_seed(~rule.seed, stream));
    const StepResult result =
        training_step(uniad, features(batch.pictures, batch.epoch), batch.all, state.optimiser,
                      {rate, rule.schedule.clip, rule.bf16}, workers, stop());
    if (rule.average) {
      const torch::NoGradGuard no_grad;
      // The first weights are of chance: they must not weigh in for long.
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
      network, reader_of(sources), Batches(counts_of(sources), rule.batch, rule.balance, rule.seed), rule,
      state, alone, [] { return false; }, step_done);
}

FeatureReader reader_of(const std::vector<SourceFeatures> &sources) {
  std::vector<torch::Tensor> parts;
  for (const SourceFeatures &source : sources) parts.push_back(source.train);
  const torch::Tensor pictures = parts.size() == 1 ? parts.front() : torch::cat(parts);
  return [pictures](const torch::Tensor &chosen, std::int64_t) {
    return pictures.index_select(0, chosen).to(torch::kFloat32);
  };
}

std::vector<std::int64_t> counts_of(const std::vector<SourceFeatures> &sources) {
  std::vector<std::int64_t> counts;
  for (const SourceFeatures &source : sources) counts.push_back(source.train.size(0));
  return counts;
}

torch::Tensor grids_of(Network &network, const torch::Tensor &features, int batch) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> grids{torch::empty({0, features.size(2), features.size(3)})};
  for (const torch::Tensor &part : features.split(batch)) {
    grids.push_back(network.judge_features(part.to(torch::kFloat32)).grid);
  }
  return torch::cat(grids);
}

}  // namespace uniad
