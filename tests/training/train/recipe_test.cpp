// SPDX-License-Identifier: Apache-2.0
#include "training/train/recipe.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

TrainOptions options(Recipe recipe) {
  TrainOptions made;
  made.recipe = recipe;
  return made;
}

TEST(Recipe, PaperRunsThousandEpochsAndDropsTheRateAtEpoch801) {
  // 3,629 pictures are 454 steps per epoch (docs/network-details.md, "Training").
  const Schedule schedule = make_schedule(options(Recipe::Paper), 3629);
  EXPECT_EQ(schedule.steps_per_epoch, 454);
  EXPECT_EQ(schedule.steps, 454000);
  EXPECT_FALSE(schedule.standardize);
  EXPECT_FALSE(schedule.balance);
  EXPECT_DOUBLE_EQ(schedule.dropout, 0.1);
  EXPECT_DOUBLE_EQ(schedule.clip, 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 1e-4);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 801 * 454 - 1), 1e-4);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 801 * 454), 1e-5);
}

TEST(Recipe, FastWarmsUpOver40StepsAndEndsAtOneHundredth) {
  TrainOptions fast = options(Recipe::Fast);
  fast.steps = 400;
  const Schedule schedule = make_schedule(fast, 1000);
  EXPECT_TRUE(schedule.standardize);
  EXPECT_TRUE(schedule.balance);
  EXPECT_DOUBLE_EQ(schedule.dropout, 0.0);
  EXPECT_DOUBLE_EQ(schedule.clip, 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 1e-3 / 40);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 39), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 40 + 180), 1e-3 * (0.01 + 0.99 / 2)) << "half of the cosine";
  EXPECT_NEAR(learning_rate(schedule, 399), 1e-5, 1e-7);
}

TEST(Recipe, SingleOptionsOverrideIt) {
  TrainOptions chosen = options(Recipe::Fast);
  chosen.epochs = 3;
  chosen.batch = 4;
  chosen.learning_rate = 0.5;
  chosen.sampling = Sampling::Pictures;
  const Schedule schedule = make_schedule(chosen, 10);
  EXPECT_EQ(schedule.steps, 9) << "three steps an epoch, the last of two pictures";
  EXPECT_DOUBLE_EQ(schedule.learning_rate, 0.5);
  EXPECT_FALSE(schedule.balance);
  EXPECT_LE(schedule.warmup_steps, 4) << "a short training is not all warm-up";
}

}  // namespace
}  // namespace uniad
