// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "model/network.h"
#include "training/train/recipe.h"
#include "training/train/step.h"

namespace uniad {

// Features of one source's normal pictures: (pictures, channels, H / 16, W / 16), fp16.
struct SourceFeatures {
  std::string name;
  torch::Tensor train;
  torch::Tensor held_back;
};

// Takes the mean and standard deviation of every channel over all training tokens of all sources into the
// network, and with `whiten` their whitening matrix, and the features with them to the space it works in, in
// place.
void standardise(Network &network, std::vector<SourceFeatures> &sources, bool whiten = false);

// After every step: its number from 1, what it measured, the rate it used. What it throws ends the learning.
using StepDone = std::function<void(std::int64_t step, const StepResult &result, double learning_rate)>;

// Trains network.reconstruction on all sources together, every picture once an epoch in an order drawn anew.
// Ends with the network in eval mode.
void learn(Network &network, const std::vector<SourceFeatures> &sources, const Schedule &schedule, int batch,
           bool bf16, const StepDone &step_done);

// Anomaly grids (pictures, H / 16, W / 16), fp32, of features in the space the network works in.
torch::Tensor grids_of(Network &network, const torch::Tensor &features, int batch);

}  // namespace uniad
