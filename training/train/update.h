// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "training/progress.h"
#include "training/train/options.h"

namespace uniad {

// Adds what is normal in options.sources to the statistics of the model at options.model, without the
// pictures that it learned from before, and replaces the file. Scenes that the model knows gain pictures,
// others become clusters of their own; thresholds rest on old and new scores, and are drawn by
// options.threshold, else by the model's own rule. Throws Error where the model has no statistics.
void update(const TrainOptions &options, Progress &progress);

struct MergeOptions {
  std::vector<std::filesystem::path> models;  // two or more
  std::filesystem::path model;                // to write
};

// Adds up the statistics and calibrations of models that share backbone, weights and network. Throws Error
// naming what they do not share.
void merge_models(const MergeOptions &options, Progress &progress);

}  // namespace uniad
