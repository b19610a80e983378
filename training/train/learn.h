// SPDX-License-Identifier: Apache-2.0
// Training of the reconstruction network by gradient steps.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
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
  std::shared_ptr<const ZoneGrid> zones = nullptr;  // null: no zones
};

// Sets the network's mean and standard deviation of every channel, over all training tokens of all sources
// that are not ignored, and with `whiten` its whitening matrix.
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

// Returns these pictures, numbered consecutively over all sources, with fp32 features that are standardized
// and whitened like those of the network. The features have gradients if the backbone is trained.
using FeatureReader = std::function<StepPictures(const torch::Tensor &pictures, std::int64_t epoch)>;

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

// `learned` of feature_loss() for features of some of a source's pictures: the cells that are not ignored.
torch::Tensor learned_cells_of(const SourceFeatures &source, const torch::Tensor &features);

// The distances of judged pictures as a whole (Scene::image). Empty if they are not part of scores: the
// statistics cannot tell, or zones are watched. zones: may be null.
std::vector<double> distances_of(const Network &network, const NetworkOutput &judged, const ZoneGrid *zones);

// What the network says of some pictures, in their order.
struct JudgedSet {
  std::vector<double> local;      // scores of the grids
  std::vector<double> distances;  // of the pictures as a whole; empty if they are not part of scores
};

// zones: of all of the pictures, or null.
JudgedSet judge_set(Network &network, const FeatureSet &features, ScoreKind kind, int batch,
                    const ZoneGrid *zones = nullptr);

}  // namespace uniad
