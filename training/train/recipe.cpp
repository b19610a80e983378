// SPDX-License-Identifier: Apache-2.0
#include "training/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uniad {

Schedule make_schedule(const TrainOptions &options, std::int64_t pictures, int workers) {
  Schedule schedule;
  const std::int64_t batch = std::int64_t{options.batch} * workers;
  schedule.steps_per_epoch = (pictures + batch - 1) / batch;
  if (options.recipe == Recipe::Paper) {
    // The reference code steps its schedule at the end of an epoch, with the number of that epoch, so epochs
    // 0 to 800 use the initial rate.
    schedule.dropout = 0.1;
    schedule.learning_rate = 1e-4;
    schedule.clip = 0.1;
    schedule.rate = RateSchedule::Step;
    schedule.steps = 1000 * schedule.steps_per_epoch;
  } else {
    schedule.standardize = true;
    schedule.learning_rate = 1e-3;
    schedule.clip = 1.0;
    schedule.warmup_steps = 40;
    schedule.rate = RateSchedule::Cosine;
    schedule.balance = true;
    schedule.steps = 1500;
  }
  if (options.epochs) schedule.steps = *options.epochs * schedule.steps_per_epoch;
  if (options.steps) schedule.steps = *options.steps;
  if (options.sampling) schedule.balance = *options.sampling == Sampling::Sources;
  if (options.learning_rate) schedule.learning_rate = *options.learning_rate;
  schedule.rate = options.rate_schedule.value_or(schedule.rate);
  schedule.decay_epoch = options.decay_epoch.value_or(schedule.decay_epoch);
  schedule.weight_decay = options.weight_decay.value_or(schedule.weight_decay);
  schedule.clip = options.clip.value_or(schedule.clip);
  schedule.warmup_steps = options.warmup_steps.value_or(schedule.warmup_steps);
  schedule.warmup_steps = std::min(schedule.warmup_steps, schedule.steps / 2);
  return schedule;
}

double learning_rate(const Schedule &schedule, std::int64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(schedule.warmup_steps);
  }
  switch (schedule.rate) {
    case RateSchedule::Cosine: {
      const double done =
          static_cast<double>(step - schedule.warmup_steps) /
          static_cast<double>(std::max<std::int64_t>(schedule.steps - schedule.warmup_steps, 1));
      return schedule.learning_rate * (0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    }
    case RateSchedule::Step:
      if (step / schedule.steps_per_epoch >= schedule.decay_epoch) return 0.1 * schedule.learning_rate;
      break;
    case RateSchedule::Constant:
      break;
  }
  return schedule.learning_rate;
}

}  // namespace uniad
