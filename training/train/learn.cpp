// SPDX-License-Identifier: Apache-2.0
#include "training/train/learn.h"

#include <algorithm>

#include "training/train/features.h"

namespace uniad {
namespace {

class Batches {
 public:
  Batches(const std::vector<SourceFeatures> &sources, std::int64_t batch) : batch_(batch) {
    std::vector<torch::Tensor> parts;
    for (const SourceFeatures &source : sources) parts.push_back(source.train);
    pictures_ = parts.size() == 1 ? parts.front() : torch::cat(parts);
  }

  torch::Tensor next() {
    if (position_ >= order_.size(0)) {
      order_ = torch::randperm(pictures_.size(0));
      position_ = 0;
    }
    const std::int64_t count = std::min(batch_, order_.size(0) - position_);
    const torch::Tensor chosen = order_.narrow(0, position_, count);
    position_ += count;
    return pictures_.index_select(0, chosen).to(torch::kFloat32);
  }

 private:
  torch::Tensor pictures_;
  std::int64_t batch_;
  torch::Tensor order_ = torch::empty({0}, torch::kInt64);
  std::int64_t position_ = 0;
};

}  // namespace

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

void learn(Network &network, const std::vector<SourceFeatures> &sources, const Schedule &schedule, int batch,
           bool bf16, const StepDone &step_done) {
  Batches batches(sources, batch);
  UniAD &uniad = network.reconstruction;
  Optimiser optimiser(uniad->parameters(), schedule.weight_decay);
  uniad->train();
  for (std::int64_t step = 0; step < schedule.steps; ++step) {
    const double rate = learning_rate(schedule, step);
    step_done(step + 1, training_step(uniad, batches.next(), optimiser, rate, schedule.clip, bf16), rate);
  }
  uniad->eval();
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
