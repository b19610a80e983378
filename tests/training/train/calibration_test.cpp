// SPDX-License-Identifier: Apache-2.0
#include "training/train/calibration.h"

#include <gtest/gtest.h>

#include <numeric>

namespace uniad {
namespace {

TEST(Calibration, IsTheMeanPlusFourStandardDeviations) {
  // 2 4 4 4 5 5 7 9: mean 5, squares about it 32, sample variance 32 / 7.
  const ScoreStatistics statistics = describe_scores({9, 2, 4, 4, 5, 4, 7, 5}, {});
  EXPECT_DOUBLE_EQ(statistics.mean, 5.0);
  EXPECT_NEAR(statistics.standard_deviation, 2.13808993529939, 1e-12);
  EXPECT_NEAR(statistics.threshold, 5 + 4 * 2.13808993529939, 1e-12);
  EXPECT_EQ(statistics.count, 8);
}

TEST(Calibration, QuantileIsNumpys) {
  ThresholdRule rule;
  rule.quantile = 0.9;
  // numpy.quantile([1, 2, 3, 10], 0.9) == 7.9
  EXPECT_NEAR(describe_scores({10, 1, 3, 2}, rule).threshold, 7.9, 1e-12);
}

TEST(Calibration, OneScoreIsItsOwnThreshold) {
  const ScoreStatistics statistics = describe_scores({3.5}, {});
  EXPECT_DOUBLE_EQ(statistics.threshold, 3.5);
  EXPECT_DOUBLE_EQ(statistics.standard_deviation, 0.0);
}

TEST(Calibration, SourcesWithFewScoresTakeThePooledThreshold) {
  std::vector<double> many(20);
  std::iota(many.begin(), many.end(), 0.0);
  const Calibration calibration = calibrate({{"many", many}, {"few", std::vector<double>(19, 100.0)}}, {});
  EXPECT_EQ(calibration.rule, "mean + 4 sd");
  EXPECT_EQ(calibration.sources.count("many"), 1U);
  EXPECT_EQ(calibration.sources.count("few"), 0U);
  ASSERT_TRUE(calibration.pooled.has_value());
  EXPECT_EQ(calibration.pooled->count, 39);
}

TEST(Calibration, WithoutScoresThereIsNone) {
  const Calibration calibration = calibrate({{"empty", {}}}, {});
  EXPECT_FALSE(calibration.pooled.has_value());
  EXPECT_TRUE(calibration.sources.empty());
}

}  // namespace
}  // namespace uniad
