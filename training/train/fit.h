// SPDX-License-Identifier: Apache-2.0
// The loop of training steps.
#pragma once

#include <memory>
#include <vector>

#include "model/network.h"
#include "training/base/progress.h"
#include "training/data/source.h"
#include "training/train/checkpoint.h"
#include "training/train/learn.h"
#include "training/train/options.h"

namespace uniad {

// A source's labeled test items, for Selection::Test.
struct TestFeatures {
  FeatureSet pictures;
  std::vector<bool> abnormal;             // for each picture
  std::shared_ptr<const ZoneGrid> zones;  // may be null
};

// The inputs of a training by gradient steps.
struct Fit {
  Network &network;
  const std::vector<SourceFeatures> &sources;
  FeatureReader reader;  // of the training pictures of `sources`
  const std::vector<TestFeatures> &tests;
  LearningRule rule;
  Model model;  // for checkpoints
  RunIdentity identity;
};

// Trains: writes checkpoints next to options.model, resumes from options.resume if set, stops if the loss is
// not finite (keeping the last valid checkpoint) or if any worker is interrupted (after a checkpoint), and
// ends with the weights that options.selection selects. Returns the description of that choice for the model
// file: "step 400 of 400" or "step 300 of 400: smallest held-out loss, 0.412".
std::string fit(Fit fit, const TrainOptions &options, Workers &workers, Progress &progress);

std::filesystem::path checkpoint_of(const std::filesystem::path &model);

}  // namespace uniad
