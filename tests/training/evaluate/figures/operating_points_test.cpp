// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/operating_points.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace uniad {
namespace {

// 0, 0.01 ... 9.99.
std::vector<float> thousand() {
  std::vector<float> scores(1000);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(i) / 100;
  return scores;
}

ScoreStatistics learned(double mean, double deviation) {
  ScoreStatistics statistics;
  statistics.mean = mean;
  statistics.standard_deviation = deviation;
  return statistics;
}

TEST(OperatingPoints, SayWhatStandardDeviationsWouldFind) {
  const Figures figures = operating_points(thousand(), std::vector<float>{6.9F, 7.1F, 9, 20}, learned(5, 1));
  EXPECT_DOUBLE_EQ(figures.at("found_2sd"), 0.75);
  EXPECT_DOUBLE_EQ(figures.at("false_2sd"), 0.3);
  EXPECT_DOUBLE_EQ(figures.at("found_3sd"), 0.5);
  EXPECT_DOUBLE_EQ(figures.at("false_3sd"), 0.2);
  EXPECT_DOUBLE_EQ(figures.at("found_4sd"), 0.5);  // a score at the threshold reaches it
  EXPECT_DOUBLE_EQ(figures.at("false_4sd"), 0.1);
}

TEST(OperatingPoints, SayWhatAllowedFalseAlarmsWouldFind) {
  const std::vector<float> abnormal{9.2F, 9.495F, 9.9F, 9.95F, 9.99F, 11};
  const Figures figures = operating_points(thousand(), abnormal, learned(5, 1));
  // One, ten and fifty of the normal pictures may reach the threshold.
  EXPECT_NEAR(figures.at("sd_0.1%"), 4.98, 1e-5);
  EXPECT_DOUBLE_EQ(figures.at("found_0.1%"), 2.0 / 6);
  EXPECT_NEAR(figures.at("sd_1%"), 4.89, 1e-5);
  EXPECT_DOUBLE_EQ(figures.at("found_1%"), 4.0 / 6);
  EXPECT_NEAR(figures.at("sd_5%"), 4.49, 1e-5);
  EXPECT_DOUBLE_EQ(figures.at("found_5%"), 5.0 / 6);
  // None of few pictures may.
  EXPECT_NEAR(operating_points(std::vector<float>{1, 2, 3}, abnormal, learned(0, 1)).at("sd_5%"), 3, 1e-5);
}

TEST(OperatingPoints, AreNoneWhereThereIsNothingToCompare) {
  const std::vector<float> some{1, 2};
  EXPECT_TRUE(operating_points({}, some, learned(0, 1)).empty());
  EXPECT_TRUE(operating_points(some, {}, learned(0, 1)).empty());
  EXPECT_TRUE(operating_points(some, some, learned(0, 0)).empty());
}

}  // namespace
}  // namespace uniad
