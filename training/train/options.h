// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/calibration.h"
#include "training/data/source.h"
#include "training/train/cache_options.h"

namespace uniad {

// A named set of learning rate, schedule, clip, dropout, standardising and number of steps.
enum class Recipe {
  Instant,  // no network and no step: statistics of the features
  Fast,     // standardised features, AdamW 1e-3, warm-up and cosine, clip 1, no dropout; scored by statistics
  Paper,    // raw features, AdamW 1e-4, StepLR, clip 0.1, dropout 0.1; scored by the error
};

// `uniad train`, with everything that the command line leaves open; absent: the recipe's own.
struct TrainOptions {
  std::vector<Source> sources;  // train: what to learn from (max_frames is applied); none is empty
  std::filesystem::path model;
  Recipe recipe = Recipe::Instant;
  std::string backbone = "auto";  // resolved to a name before train() sees it
  std::filesystem::path weights;  // the backbone's weight file
  std::filesystem::path log;      // JSON lines, one a step: loss, gradient norm, rate; empty: none
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> epochs;  // at most one of steps and epochs
  bool whiten = false;                 // recipe fast: the network sees whitened features
  int batch = 8;
  std::optional<double> learning_rate;
  std::string device = "auto";     // auto, cpu, cuda, cuda:N
  std::string precision = "fp32";  // fp32, bf16
  std::uint64_t seed = 0;
  std::optional<double> held_back;  // share of each source that is never trained on; absent: hold_back()'s
                                    // own, for the recipe instant every fifth in turn
  FeatureCacheOptions cache;        // recipes fast and paper
  std::size_t report_outliers = 0;  // recipe instant: so many of the worst-scored pictures are told
  ThresholdRule threshold;
};

}  // namespace uniad
