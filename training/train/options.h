// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/calibration.h"
#include "training/data/augment.h"
#include "training/data/source.h"
#include "training/train/cache_options.h"
#include "training/train/network_options.h"

namespace uniad {

class Interrupts;

// A named set of learning rate, schedule, clip, dropout, standardising and number of steps.
enum class Recipe {
  Instant,  // no network and no step: statistics of the features
  Fast,     // standardised features, AdamW 1e-3, warm-up and cosine, clip 1, no dropout; scored by statistics
  Paper,    // raw features, AdamW 1e-4, StepLR, clip 0.1, dropout 0.1; scored by the error
};

// How the learning rate goes from its first value down.
enum class RateSchedule {
  Constant,
  Step,    // a tenth of it from Schedule::decay_epoch on (StepLR)
  Cosine,  // to a hundredth of it at the last step
};

// Which of the weights that a training goes through it ends with.
enum class Selection {
  Last,
  HeldBack,  // of the smallest loss on normal data that is not trained on
  Test,      // of the highest mean image AUROC on the labelled test items: for comparisons with papers only
};

// What is seen equally often: every picture, or every source, however many pictures it has.
enum class Sampling { Pictures, Sources };

// `uniad train`, with everything that the command line leaves open; absent: the recipe's own.
struct TrainOptions {
  std::vector<Source> sources;  // train: what to learn from (max_frames is applied); none is empty
  std::filesystem::path model;
  Recipe recipe = Recipe::Instant;
  std::string backbone = "auto";  // resolved to a name before train() sees it
  std::filesystem::path weights;  // the backbone's weight file
  NetworkOptions network;
  // The backbone learns with the rest, its batch statistics fixed (paper, table A5). Then features are no
  // constants: none is cached.
  bool train_backbone = false;
  Augmentation augmentation;          // of the pictures a network learns from; then features are not cached
  std::filesystem::path log;          // JSON lines, one a step: loss, gradient norm, rate; empty: none
  std::filesystem::path tensorboard;  // folder of event files; empty: none
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> epochs;  // at most one of steps and epochs
  bool whiten = false;                 // recipe fast: the network sees whitened features
  int batch = 8;
  std::optional<double> learning_rate;
  std::optional<RateSchedule> rate_schedule;
  std::optional<std::int64_t> warmup_steps;
  std::optional<std::int64_t> decay_epoch;
  std::optional<double> weight_decay;
  std::optional<double> clip;
  std::optional<double> average;     // decay of the weights' exponential moving average; absent: none is kept
  std::optional<Sampling> sampling;  // absent: the recipe's
  Selection selection = Selection::Last;
  std::int64_t validate_every = 100;    // steps; where the selection is not Last
  std::int64_t checkpoint_every = 200;  // steps
  std::filesystem::path resume;         // checkpoint to go on from; empty: from the start
  double worker_timeout = 1800;         // seconds that one process waits for another
  // Every option that has a say in what is learned, as the command line has it: a resumed training must have
  // the same.
  std::map<std::string, std::string> said;
  Interrupts *interrupts = nullptr;  // which are patient while steps are taken; null: there are none
  std::string device = "auto";       // auto, cpu, cuda, cuda:N
  std::string precision = "fp32";    // fp32, bf16
  std::uint64_t seed = 0;
  // Share of each source that is never learned from. Absent: hold_back()'s own for the network; for
  // statistics every fifth in turn.
  std::optional<double> held_back;
  FeatureCacheOptions cache;               // recipes fast and paper
  std::size_t report_outliers = 0;         // so many of the worst-scored normal pictures are told
  std::optional<ThresholdRule> threshold;  // absent: mean + 4 sd; of an update the model's own rule
};

}  // namespace uniad
