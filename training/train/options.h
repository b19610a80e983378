// SPDX-License-Identifier: Apache-2.0
// The options of a training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/config/model_config.h"
#include "model/scoring/calibration.h"
#include "training/data/augment.h"
#include "training/data/source.h"
#include "training/data/zones.h"
#include "training/train/cache_options.h"
#include "training/train/network_options.h"

namespace uniad {

class Interrupts;

// A named set of learning rate, schedule, clipping, dropout, standardization and number of steps.
enum class Recipe {
  Instant,  // no network and no steps: statistics of the features
  Fast,     // standardized features, AdamW 1e-3, warm-up and cosine, clip 1, no dropout; scored by statistics
  Paper,    // raw features, AdamW 1e-4, StepLR, clip 0.1, dropout 0.1; scored by the error
};

// How the learning rate decreases.
enum class RateSchedule {
  Constant,
  Step,    // divided by ten from Schedule::decay_epoch on (StepLR)
  Cosine,  // to a hundredth of it at the last step
};

// Which weights a training ends with.
enum class Selection {
  Last,
  HeldBack,  // those with the smallest loss on held-out normal data
  Test,  // those with the highest mean image AUROC on the labeled test items; only for comparison with papers
};

// Whether every picture is sampled equally often, or every source regardless of its number of pictures.
enum class Sampling { Pictures, Sources };

// The options of `uniad train`; absent values are those of the recipe.
struct TrainOptions {
  std::vector<Source> sources;  // train: what to learn from (max_frames is applied); none is empty
  SourceZones zones;            // of the sources
  std::filesystem::path model;
  Recipe recipe = Recipe::Instant;
  std::string backbone = "auto";  // resolved to a name before train() sees it
  std::filesystem::path weights;  // the backbone's weight file
  NetworkOptions network;
  // Trains the backbone too, with fixed batch statistics (paper, table A5). Features then change and are not
  // cached.
  bool train_backbone = false;
  Augmentation augmentation;          // of the training pictures; features are then not cached
  std::filesystem::path log;          // JSON lines, one per step: loss, gradient norm, rate; empty: none
  std::filesystem::path tensorboard;  // folder of event files; empty: none
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> epochs;  // at most one of steps and epochs
  bool whiten = false;                 // recipe fast: the network reconstructs whitened features
  int batch = 8;
  std::optional<double> learning_rate;
  std::optional<RateSchedule> rate_schedule;
  std::optional<std::int64_t> warmup_steps;
  std::optional<std::int64_t> decay_epoch;
  std::optional<double> weight_decay;
  std::optional<double> clip;
  std::optional<double> average;     // decay of the weights' exponential moving average; absent: none
  std::optional<Sampling> sampling;  // absent: the recipe's
  Selection selection = Selection::Last;
  std::int64_t validate_every = 100;    // steps; where the selection is not Last
  std::int64_t checkpoint_every = 200;  // steps
  std::filesystem::path resume;         // checkpoint to resume from; empty: from the start
  double worker_timeout = 1800;         // seconds that one process waits for another
  // All options that affect the result, as given on the command line; they must be the same for a resumed
  // training.
  std::map<std::string, std::string> identity_options;
  Interrupts *interrupts = nullptr;  // allowed more time during steps; null: none
  std::string device = "auto";       // auto, cpu, cuda, cuda:N
  std::string precision = "fp32";    // fp32, bf16
  std::uint64_t seed = 0;
  // Fraction of each source that is held out. Absent: the default of hold_back() for the network; for
  // statistics, each fifth in turn.
  std::optional<double> held_back;
  MotionUse motion = MotionUse::Auto;
  FeatureCacheOptions cache;               // for recipes fast and paper
  std::size_t report_outliers = 0;         // number of normal pictures with the highest scores to report
  std::optional<ThresholdRule> threshold;  // absent: mean + 4 sd, or the model's rule for an update
};

}  // namespace uniad
