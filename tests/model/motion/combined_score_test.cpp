// SPDX-License-Identifier: Apache-2.0
#include "model/motion/combined_score.h"

#include <gtest/gtest.h>

#include <cmath>

namespace uniad {
namespace {

ScoreStatistics normal(double mean, double deviation) {
  ScoreStatistics statistics;
  statistics.mean = mean;
  statistics.standard_deviation = deviation;
  statistics.count = 100;
  return statistics;
}

TEST(AppearancePart, IsATenthOfTheRarity) {
  const ScoreStatistics statistics = normal(10, 1);
  const double usual = 10 + 2.3263;  // 1 % of a normal distribution is above
  EXPECT_NEAR(appearance_part(usual, statistics), 0.1 * std::log(100), 1e-9);
  EXPECT_NEAR(appearance_part(usual / 2, statistics), 0.05 * std::log(100), 1e-9);
  EXPECT_NEAR(appearance_part(usual + 5, statistics), 0.1 * (std::log(100) + 5), 1e-9);
  EXPECT_EQ(appearance_part(0, statistics), 0);
}

TEST(AppearancePart, DoesNotDependOnTheUnit) {
  for (const double score : {3.0, 11.0, 13.0, 50.0})
    EXPECT_NEAR(appearance_part(score, normal(10, 1)), appearance_part(1000 * score, normal(1e4, 1e3)), 1e-9);
}

TEST(AppearancePart, GoesByThePeaksWhereTheyAreKnown) {
  ScoreStatistics statistics = normal(10, 1);
  statistics.tail =
      ScoreTail{11, 0.5, 0, {13, 12, 11.5}, 25};  // the mean excess of an exponential tail is its scale
  const double usual = 10 + 2.3263;
  EXPECT_NEAR(appearance_part(usual + 7, statistics), 0.1 * (std::log(100) + 7 / 0.5), 1e-9);
}

TEST(AppearancePart, IsFiniteForPicturesThatAreAllAlike) {
  for (const double score : {-1.0, 0.0, 1.0, 1e9})
    EXPECT_TRUE(std::isfinite(appearance_part(score, normal(0, 0)))) << score;
}

}  // namespace
}  // namespace uniad
