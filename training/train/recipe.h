// SPDX-License-Identifier: Apache-2.0
// The parameters of the recipes.
#pragma once

#include <cstdint>

#include "training/train/options.h"

namespace uniad {

// The parameters of a recipe, with the command line's options applied. The optimizer is AdamW with betas 0.9
// and 0.999 and eps 1e-8.
struct Schedule {
  bool standardize = false;  // use (f - mean) / (std + 1e-6) per channel instead of features f
  double dropout = 0;
  double learning_rate = 0;
  double weight_decay = 1e-4;
  double clip = 0;  // of the gradient's global L2 norm
  std::int64_t steps = 0;
  std::int64_t steps_per_epoch = 0;
  std::int64_t warmup_steps = 0;  // linear increase from 0
  bool balance = false;           // see Batches
  RateSchedule rate = RateSchedule::Constant;
  std::int64_t decay_epoch = 801;  // for RateSchedule::Step, counted from 0
};

// pictures: number of training pictures, which make an epoch. workers: number of processes, each of which has
// its own batch.
Schedule make_schedule(const TrainOptions &options, std::int64_t pictures, int workers = 1);

// The learning rate of a step, counted from 0.
double learning_rate(const Schedule &schedule, std::int64_t step);

}  // namespace uniad
