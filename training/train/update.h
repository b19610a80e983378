// SPDX-License-Identifier: Apache-2.0
// Adds data to a model, and merges models.
#pragma once

#include <filesystem>
#include <vector>

#include "training/base/progress.h"
#include "training/train/options.h"

namespace CLI {
class App;
}

namespace uniad {

// Adds the normal data in options.sources to the statistics of the model at options.model, without the
// pictures that it learned from before, and replaces the file. Pictures of known scenes are added to their
// clusters, others form new clusters. Thresholds are computed from old and new scores by options.threshold
// or, if absent, by the model's rule. Throws Error if the model has no statistics.
void update(const TrainOptions &options, Progress &progress);

struct MergeOptions {
  std::vector<std::filesystem::path> models;  // two or more
  std::filesystem::path model;                // to write
};

// Merges the statistics and calibrations of models with the same backbone, weights and network. Throws Error
// with the difference if these are not the same.
void merge_models(const MergeOptions &options, Progress &progress);

void describe_merge(CLI::App &app, MergeOptions &options);

}  // namespace uniad
