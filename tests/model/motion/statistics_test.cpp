// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/motion/motion_statistics.h"

namespace uniad {
namespace {

// Speeds with an exponential distribution.
MotionMap random_map(std::mt19937 &random, double mean, int width = 40, int height = 20) {
  std::exponential_distribution<double> speed(1 / mean);
  MotionMap map{width, height, {}};
  for (int i = 0; i < width * height; ++i) map.speeds.push_back(static_cast<float>(speed(random)));
  return map;
}

TEST(SpeedHistogram, QuantilesAreWithinABin) {
  std::mt19937 random(1);
  SpeedHistogram histogram;
  std::vector<float> all;
  for (int i = 0; i < 50; ++i) {
    const MotionMap map = random_map(random, 0.5);
    histogram.add(map);
    all.insert(all.end(), map.speeds.begin(), map.speeds.end());
  }
  std::ranges::sort(all);
  for (const double share : {0.1, 0.5, 0.9, 0.99}) {
    const double exact = all[static_cast<std::size_t>(share * static_cast<double>(all.size()))];
    EXPECT_NEAR(histogram.quantile(share) / exact, 1, 0.075) << share;  // a bin is 7.5 % wide
  }
}

TEST(SpeedHistogram, SumsAndDifferences) {
  std::mt19937 random(2);
  const MotionMap a = random_map(random, 0.5);
  const MotionMap b = random_map(random, 2);
  SpeedHistogram both, of_a, of_b;
  both.add(a);
  both.add(b);
  of_a.add(a);
  of_b.add(b);
  const auto equal = [](const SpeedHistogram &x, const SpeedHistogram &y) {
    return std::ranges::equal(x.rows(), y.rows());
  };
  EXPECT_TRUE(equal(both.without(of_b), of_a));
  ASSERT_TRUE(of_a.add(of_b));
  EXPECT_TRUE(equal(of_a, both));
  SpeedHistogram lower;
  lower.add(random_map(random, 1, 40, 19));
  EXPECT_FALSE(of_a.add(lower));
  EXPECT_TRUE(equal(of_a, both));
}

TEST(SpeedHistogram, LeavesOutIgnoredCells) {
  SpeedHistogram histogram;
  histogram.add({3, 1, {-1, 1, -1}});
  EXPECT_NEAR(histogram.quantile(0.5), 1, 0.08);
}

TEST(SpeedTail, OfAnExponentialDistribution) {
  std::mt19937 random(3);
  SpeedHistogram histogram;
  for (int i = 0; i < 200; ++i) histogram.add(random_map(random, 0.4));
  for (const SpeedTail &tail : tails_of(histogram)) {
    EXPECT_NEAR(tail.usual, 0.4 * std::log(100), 0.1);
    EXPECT_NEAR(tail.excess, 0.4, 0.05);  // it has no memory
  }
}

TEST(SpeedTail, AStillRowDoesNotAlarmAtOnce) {
  SpeedHistogram histogram;
  MotionMap map{40, 20, std::vector<float>(800, 0.0F)};
  std::mt19937 random(4);
  for (int i = 0; i < 100; ++i) {
    const MotionMap street = random_map(random, 1);
    std::copy_n(street.speeds.begin(), 400, map.speeds.begin());  // the upper half
    histogram.add(map);
  }
  const auto tails = tails_of(histogram);
  EXPECT_GT(tails.back().usual, 1);  // 0.3 of the value of all rows
  EXPECT_GT(tails.back().excess, 0.25);
  EXPECT_GT(tails.front().usual, tails.back().usual);
}

TEST(MotionScore, GrowsAndIsTheLogarithmOfTheRarity) {
  const SpeedTail tail{2, 0.5};
  EXPECT_DOUBLE_EQ(motion_score(0, tail), 0);
  EXPECT_DOUBLE_EQ(motion_score(1, tail), std::log(100) / 2);
  EXPECT_NEAR(motion_score(2, tail), std::log(100), 1e-9);
  EXPECT_NEAR(motion_score(3, tail), std::log(100) + 2, 1e-9);
}

TEST(MotionScore, OfAFrameIsThatOfItsMostUnusualRow) {
  const MotionMap map{3, 2, {0.1F, 3, 0.2F, 1, -1, 0.5F}};
  const auto maxima = row_maxima(map);
  EXPECT_EQ(maxima, (std::vector<float>{3, 1}));
  const std::vector<SpeedTail> tails{{4, 1}, {0.5, 0.1}};
  EXPECT_NEAR(motion_score(maxima, tails), std::log(100) + 5, 1e-6);
}

}  // namespace
}  // namespace uniad
