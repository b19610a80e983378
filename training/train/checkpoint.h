// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/file/model_file.h"
#include "training/train/learn.h"

namespace uniad {

// The weights a training has found best so far, and by which figure.
struct BestWeights {
  std::int64_t step = 0;
  double figure = 0;
  std::vector<torch::Tensor> weights;  // of the optimiser's parameters
};

// What a run learns from and how, by name ("--lr", "source bottle"): a training goes on only as the same run.
using RunIdentity = std::map<std::string, std::string>;

// A training in the middle: a model file (it can be evaluated as it is) with what its training needs to go on
// in tensors `training.*`: the optimiser's moments, averaged and best weights, and a JSON text of the rest.
// `parameters`: those that are trained, by their names in the model file, in the optimiser's order. Written
// beside and renamed: the checkpoint before is whole until this one is.
void write_checkpoint(Model model, const std::vector<std::string> &parameters, const LearningState &state,
                      const std::optional<BestWeights> &best, const RunIdentity &identity,
                      const std::filesystem::path &path);

// Throws Error where the file is no checkpoint, or of another run: then it names what differs. Before the
// work, not after pictures have been read for an hour.
void check_checkpoint(const std::filesystem::path &path, const RunIdentity &identity);

// Puts the trained parameters back where they were, and returns state and best weights. Throws Error where
// the file is no checkpoint, or of another run: then it names what differs.
struct ResumedLearning {
  LearningState state;
  std::optional<BestWeights> best;
};
ResumedLearning read_checkpoint(const std::filesystem::path &path, const std::vector<std::string> &parameters,
                                const std::vector<torch::Tensor> &trained, const LearningRule &rule,
                                const RunIdentity &identity);

}  // namespace uniad
