// SPDX-License-Identifier: Apache-2.0
// The engine without preprocessing and elements, for measurements.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/engine/executor.h"
#include "model/statistics/token_gaussian.h"
#include "training/bench/noisy_frame.h"

namespace uniad {

class Engine;

// A model's engine without the other parts of a pipeline: the input is a decoded picture of the network's
// input size, whose preprocessing is only a type conversion, and the output are its tokens.
class BareEngine {
 public:
  // Throws Error.
  BareEngine(const std::filesystem::path &model, const std::string &device, const std::string &precision);

  // The same for a model that is not in a file; name is used in errors.
  BareEngine(const Model &model, const std::string &name, const std::string &device,
             const std::string &precision);

  // The duration of one call with this many pictures, in milliseconds. Throws Error.
  double run(int pictures);

  // The duration of the model's statistics for the first picture of the last call, in milliseconds; absent
  // without statistics.
  std::optional<double> judge();

  const ModelConfig &config() const;
  std::string description() const;  // Backend::description
  std::string warning() const;      // Engine::warning

 private:
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Executor::Stream> stream_;
  NoisyFrame frame_;
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
  std::vector<float> grid_;
  TokenGaussian::Scratch scratch_;
};

}  // namespace uniad
