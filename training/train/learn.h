// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/network.h"
#include "training/train/batches.h"
#include "training/train/features.h"
#include "training/train/recipe.h"
#include "training/train/step.h"
#include "training/train/workers.h"

namespace uniad {

// Raw features of one source's normal pictures.
struct SourceFeatures {
  std::string name;
  FeatureSet train;
  FeatureSet held_back;
};

// Takes the mean and standard deviation of every channel over all training tokens of all sources into the
// network, and with `whiten` their whitening matrix.
void standardise(Network &network, std::span<const SourceFeatures> sources, bool whiten = false);

// What a training needs to go on from where it is, beside the weights themselves. All chance follows from
// seed and step.
struct LearningState {
  std::int64_t step = 0;  // steps done
  Optimiser optimiser;
  std::vector<torch::Tensor> average;  // of the optimiser's parameters, moving; empty: none is kept
};

struct LearningRule {
  Schedule schedule;
  int batch = 8;  // of each worker
  bool bf16 = false;
  std::optional<double> average;  // its decay a step (Polyak and Juditsky 1992, exponential)
  std::uint64_t seed = 0;
  bool train_backbone = false;  // see Network::trainable()
};

// Features (pictures, channels, H / 16, W / 16), fp32, of these pictures, numbered through all sources, in
// the space that the network works in; with their gradient where the backbone learns.
using FeatureReader = std::function<torch::Tensor(const torch::Tensor &pictures, std::int64_t epoch)>;

// A start from the network's weights.
LearningState begin_learning(Network &network, const LearningRule &rule);

// After every step: its number from 1, what it measured, the rate it used. What it throws ends the learning.
using StepDone = std::function<void(std::int64_t step, const StepResult &result, double learning_rate)>;

// Trains network.reconstruction from state.step to the schedule's end, or to the step after which `stop` says
// so to any worker. Ends with the network in eval mode.
void learn(Network &network, const FeatureReader &features, Batches batches, const LearningRule &rule,
           LearningState &state, Workers &workers, const std::function<bool()> &stop,
           const StepDone &step_done);

// The same on all of these sources together, alone and from the start.
void learn(Network &network, const std::vector<SourceFeatures> &sources, const LearningRule &rule,
           const StepDone &step_done);

// The training pictures of these sources, one source after the other.
FeatureReader reader_of(const Network &network, const std::vector<SourceFeatures> &sources);
std::vector<std::int64_t> counts_of(const std::vector<SourceFeatures> &sources);

// Scores of the pictures, in their order.
std::vector<double> scores_of(Network &network, const FeatureSet &features, ScoreKind kind, int batch);

}  // namespace uniad
