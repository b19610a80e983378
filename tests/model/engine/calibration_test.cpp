// SPDX-License-Identifier: Apache-2.0
#include "model/engine/calibration.h"

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

TEST(Calibration, ScoresThatAreAllTheSameLieBelowTheirThreshold) {
  const ScoreStatistics statistics = describe_scores({3.5}, {});
  EXPECT_DOUBLE_EQ(statistics.threshold, 3.5 * 1.01);
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

TEST(Calibration, CombinedIsThatOfAllScoresTogether) {
  const ScoreStatistics all = describe_scores({9, 2, 4, 4, 5, 4, 7, 5}, {});
  const ScoreStatistics both =
      combine(describe_scores({9, 2, 4}, {}), describe_scores({4, 5, 4, 7, 5}, {}), "mean + 4 sd");
  EXPECT_EQ(both.count, 8);
  EXPECT_NEAR(both.mean, all.mean, 1e-12);
  EXPECT_NEAR(both.standard_deviation, all.standard_deviation, 1e-12);
  EXPECT_NEAR(both.threshold, all.threshold, 1e-12);
}

TEST(Calibration, OfTwoQuantilesTheHigherStays) {
  EXPECT_DOUBLE_EQ(combine({3, 1, 1, 10}, {5, 2, 1, 10}, "quantile 0.99").threshold, 5);
}

TEST(Calibration, CombiningKeepsSourcesThatOnlyOneKnows) {
  Calibration a{"mean + 4 sd", ScoreStatistics{2, 1, 0.25, 30}, {{"gate", {2, 1, 0.25, 30}}}};
  const Calibration b{"mean + 4 sd", ScoreStatistics{4, 2, 0.5, 40}, {{"yard", {4, 2, 0.5, 40}}}};
  const Calibration both = combine(a, b);
  EXPECT_DOUBLE_EQ(both.sources.at("gate").threshold, 2);
  EXPECT_DOUBLE_EQ(both.sources.at("yard").threshold, 4);
  EXPECT_EQ(both.pooled->count, 70);
}

TEST(Calibration, WithoutScoresThereIsNone) {
  const Calibration calibration = calibrate({{"empty", {}}}, {});
  EXPECT_FALSE(calibration.pooled.has_value());
  EXPECT_TRUE(calibration.sources.empty());
}

}  // namespace
}  // namespace uniad
