// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/backend.h"
#include "model/engine/executor.h"
#include "model/statistics/token_gaussian.h"
#include "training/bench/noisy_frame.h"

namespace uniad {

class Engine;

// A model's engine without what stands before and behind it in a pipeline: a decoded picture of the network's
// own size, whose preprocessing is a change of type, goes in, and its tokens come out.
class BareEngine {
 public:
  // Throws Error.
  BareEngine(const std::filesystem::path &model, const std::string &device, const std::string &precision);

  // The same of a model that is in no file; `name` for errors.
  BareEngine(const Model &model, const std::string &name, const std::string &device,
             const std::string &precision);

  // Milliseconds of one call with so many pictures. Throws Error.
  double run(int pictures);

  // Milliseconds that the model's statistics take for the newest call's first picture; nothing without any.
  std::optional<double> judge();

  const ModelConfig &config() const;
  std::string description() const;  // Backend::description
  std::string remark() const;       // Engine::remark

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
