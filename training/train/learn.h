// SPDX-License-Identifier: Apache-2.0
// Training of the reconstruction network by gradient steps.
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

// Sets the network's mean and standard deviation of every channel, over all training tokens of all sources,
// and with `whiten` its whitening matrix.
void standardize(Network &network, std::span<const SourceFeatures> sources, bool whiten = false);

// The state that is needed to resume a training, besides the weights. All randomness depends on seed and
// step.
struct LearningState {
  std::int64_t step = 0;  // number of completed steps
  Optimizer optimizer;
  std::vector<torch::Tensor> average;  // moving average of the optimizer's parameters; empty: none
};

struct LearningRule {
  Schedule schedule;
  int batch = 8;  // of each worker
  bool bf16 = false;
  std::optional<double> average;  // decay per step (Polyak and Juditsky 1992, exponential)
  std::uint64_t seed = 0;
  bool train_backbone = false;  // see Network::trainable()
};

// Returns the features of these pictures as (pictures, channels, H / 16, W / 16), fp32, standardized and
// whitened like those of the network. Pictures are numbered consecutively over all sources. The features have
// gradients if the backbone is trained.
using FeatureReader = std::function<torch::Tensor(const torch::Tensor &pictures, std::int64_t epoch)>;

// The initial state for the network's weights.
LearningState begin_learning(Network &network, const LearningRule &rule);

// Called after every step with its number from 1, its result and the learning rate. Exceptions end the
// training.
using StepDone = std::function<void(std::int64_t step, const StepResult &result, double learning_rate)>;

// Trains network.reconstruction from state.step to the end of the schedule, or until `stop` returns true in
// any worker. Leaves the network in eval mode.
void learn(Network &network, const FeatureReader &features, Batches batches, const LearningRule &rule,
           LearningState &state, Workers &workers, const std::function<bool()> &stop,
           const StepDone &step_done);

// The same on all of these sources together, with a single worker and from the start.
void learn(Network &network, const std::vector<SourceFeatures> &sources, const LearningRule &rule,
           const StepDone &step_done);

// Returns a reader of the training pictures of these sources, numbered one source after the other.
FeatureReader reader_of(const Network &network, const std::vector<SourceFeatures> &sources);
std::vector<std::int64_t> counts_of(const std::vector<SourceFeatures> &sources);

// Scores of the pictures, in their order.
std::vector<double> scores_of(Network &network, const FeatureSet &features, ScoreKind kind, int batch);

}  // namespace uniad
