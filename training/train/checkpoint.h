// SPDX-License-Identifier: Apache-2.0
// Saves and restores the state of a training.
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

// The best weights of a training so far, and their metric.
struct BestWeights {
  std::int64_t step = 0;
  double figure = 0;
  std::vector<torch::Tensor> weights;  // of the optimizer's parameters
};

// The data and options of a run, by name ("--lr", "source bottle"). A training can only be resumed with the
// same ones.
using RunIdentity = std::map<std::string, std::string>;

// Writes a checkpoint: a model file, which can be evaluated, with the state of its training in tensors
// `training.*`: the optimizer's moments, averaged and best weights, and the rest as JSON. parameters: the
// trained parameters, by their names in the model file, in the optimizer's order. The previous checkpoint is
// replaced atomically.
void write_checkpoint(Model model, const std::vector<std::string> &parameters, const LearningState &state,
                      const std::optional<BestWeights> &best, const RunIdentity &identity,
                      const std::filesystem::path &path);

// Throws Error if the file is not a checkpoint, or belongs to another run, with the differences. To be called
// before the data is read, which can take an hour.
void check_checkpoint(const std::filesystem::path &path, const RunIdentity &identity);

// Restores the trained parameters, and returns state and best weights. Throws Error if the file is not a
// checkpoint, or belongs to another run, with the differences.
struct ResumedLearning {
  LearningState state;
  std::optional<BestWeights> best;
};
ResumedLearning read_checkpoint(const std::filesystem::path &path, const std::vector<std::string> &parameters,
                                const std::vector<torch::Tensor> &trained, const LearningRule &rule,
                                const RunIdentity &identity);

}  // namespace uniad
