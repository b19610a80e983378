// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/network.h"
#include "training/data/source.h"
#include "training/progress.h"
#include "training/train/checkpoint.h"
#include "training/train/learn.h"
#include "training/train/options.h"

namespace uniad {

// A source's labelled test items, for Selection::Test.
struct TestFeatures {
  FeatureSet pictures;
  std::vector<bool> abnormal;  // of each
};

// What a training by gradient steps is made of.
struct Fit {
  Network &network;
  const std::vector<SourceFeatures> &sources;
  FeatureReader reader;  // of their training pictures
  const std::vector<TestFeatures> &tests;
  LearningRule rule;
  Model model;  // what checkpoints say of it
  RunIdentity identity;
};

// Learns, and watches over it: keeps checkpoints beside options.model, goes on from one where options.resume
// says so, stops where the loss is no number any more (the last good checkpoint stays) or where any worker is
// interrupted (after a checkpoint), and ends with the weights that options.selection asks for. Returns what
// the model file says of that choice: "step 400 of 400" or "step 300 of 400: held-back loss 0.412, the
// smallest".
std::string fit(Fit fit, const TrainOptions &options, Workers &workers, Progress &progress);

std::filesystem::path checkpoint_of(const std::filesystem::path &model);

}  // namespace uniad
