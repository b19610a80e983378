// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/scoring/calibration.h"
#include "tests/model/scoring/random_grid.h"

namespace uniad {
namespace {

using test::random_grid;

// A grid of ones, with one cell of another value.
Grid one_hot(int width, int height, int x, int y, float value) {
  Grid grid{width, height,
            std::vector<float>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 1.0F)};
  grid.values[static_cast<std::size_t>(y * width + x)] = value;
  return grid;
}

// The definition, pixel by pixel: bilinear between four neighbors, with aligned corners.
double sample(const Grid &grid, double x, double y) {
  const int left = std::min(static_cast<int>(x), grid.width - 1);
  const int top = std::min(static_cast<int>(y), grid.height - 1);
  const int right = std::min(left + 1, grid.width - 1);
  const int bottom = std::min(top + 1, grid.height - 1);
  const double fx = x - left;
  const double fy = y - top;
  return (1 - fy) * ((1 - fx) * static_cast<double>(grid.at(left, top)) +
                     fx * static_cast<double>(grid.at(right, top))) +
         fy * ((1 - fx) * static_cast<double>(grid.at(left, bottom)) +
               fx * static_cast<double>(grid.at(right, bottom)));
}

std::vector<std::vector<double>> map_of(const Grid &grid) {
  const int width = 16 * grid.width;
  const int height = 16 * grid.height;
  std::vector<std::vector<double>> map(static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      map[static_cast<std::size_t>(y)].push_back(
          sample(grid, x * (grid.width - 1.0) / (width - 1), y * (grid.height - 1.0) / (height - 1)));
    }
  }
  return map;
}

TEST(Score, UpsampledMapIsBilinearWithAlignedCorners) {
  const Grid grid = random_grid(14, 9, 1);
  const Grid map = upsample(grid, 16 * 14, 16 * 9);
  const auto expected = map_of(grid);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      ASSERT_NEAR(map.at(x, y), expected[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)], 1e-5);
    }
  }
}

// The grid's offset determines where its values are; beyond the outermost ones, they continue.
TEST(Score, UpsampledMapLiesWhereTheGridDoes) {
  Grid grid = random_grid(14, 9, 4);
  grid.left = -0.03;
  grid.top = 0.02;
  const Grid map = upsample(grid, 500, 301);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const double column = std::clamp((x / 499.0 + 0.03) * 13, 0.0, 13.0);
      const double row = std::clamp((y / 300.0 - 0.02) * 8, 0.0, 8.0);
      ASSERT_NEAR(map.at(x, y), sample(grid, column, row), 1e-5);
    }
  }
}

TEST(Score, CellsShareTheirAreaEvenlyAroundTheirPlaces) {
  Grid grid = random_grid(5, 3, 1);
  grid.left = 0.1;
  const Area area = area_of(grid);
  for (int x = 0; x < 5; ++x) EXPECT_NEAR(area.x + area.width * (x + 0.5) / 5, 0.1 + x / 4.0, 1e-12);
  for (int y = 0; y < 3; ++y) EXPECT_NEAR(area.y + area.height * (y + 0.5) / 3, y / 2.0, 1e-12);
  EXPECT_EQ(area_of(random_grid(1, 1, 1)), Area{});
}

TEST(Score, PooledMapIsTheMeanOfEveryWindowOfTheMap) {
  const Grid grid = random_grid(5, 4, 2);
  const auto map = map_of(grid);
  const Grid pooled = pooled_map(grid);
  ASSERT_EQ(pooled.width, 16 * 5 - 15);
  ASSERT_EQ(pooled.height, 16 * 4 - 15);
  for (int y = 0; y < pooled.height; ++y) {
    for (int x = 0; x < pooled.width; ++x) {
      double sum = 0;
      for (int dy = 0; dy < 16; ++dy) {
        for (int dx = 0; dx < 16; ++dx)
          sum += map[static_cast<std::size_t>(y + dy)][static_cast<std::size_t>(x + dx)];
      }
      ASSERT_NEAR(pooled.at(x, y), sum / 256, 1e-5);
    }
  }
}

TEST(Score, MaxMeanAndStdAreThoseOfTheMap) {
  const Grid grid = random_grid(14, 14, 3);
  const auto map = map_of(grid);
  double sum = 0;
  double squares = 0;
  for (const auto &row : map) {
    for (double value : row) {
      sum += value;
      squares += value * value;
    }
  }
  const double count = 224.0 * 224.0;
  const Grid pooled = pooled_map(grid);
  EXPECT_NEAR(image_score(grid, ScoreKind::Mean), sum / count, 1e-4);
  EXPECT_NEAR(image_score(grid, ScoreKind::Std), std::sqrt(squares / count - sum * sum / count / count),
              1e-4);
  EXPECT_EQ(image_score(grid, ScoreKind::Max), *std::max_element(pooled.values.begin(), pooled.values.end()));
}

TEST(Regions, LieWhereTheGridIsHighAndCountTheirPeaks) {
  Grid grid = one_hot(14, 14, 3, 5, 9.0F);
  grid.values[10 * 14 + 11] = 6.0F;
  const auto found = regions(grid, 3.0F);
  ASSERT_EQ(found.size(), 2U);
  const Grid pooled = pooled_map(grid);
  EXPECT_FLOAT_EQ(found[0].score, *std::max_element(pooled.values.begin(), pooled.values.end()));
  EXPECT_GT(found[0].score, found[1].score) << "strongest first";
  // Cell (x, y) of the grid is at x / 13, y / 13 of the map.
  const auto contains = [](const Region &region, double x, double y) {
    return static_cast<double>(region.x) <= x && x <= static_cast<double>(region.x + region.width) &&
           static_cast<double>(region.y) <= y && y <= static_cast<double>(region.y + region.height);
  };
  EXPECT_TRUE(contains(found[0], 3.0 / 13, 5.0 / 13));
  EXPECT_TRUE(contains(found[1], 11.0 / 13, 10.0 / 13));
  for (const Region &region : found) {
    EXPECT_GE(region.x, 0.0F);
    EXPECT_GE(region.y, 0.0F);
    EXPECT_LE(region.x + region.width, 1.0F);
    EXPECT_LE(region.y + region.height, 1.0F);
    EXPECT_LT(region.width, 0.3F);
  }
}

TEST(Regions, AreThereExactlyWhenTheMaximumReachesTheThreshold) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Grid grid = random_grid(6, 8, seed);
    const float score = image_score(grid, ScoreKind::Max);
    EXPECT_FALSE(regions(grid, score).empty());
    EXPECT_TRUE(regions(grid, std::nextafter(score, 100.0F)).empty());
  }
}

TEST(Regions, MoveWithTheGridAndStayWithinTheFrame) {
  Grid grid = one_hot(14, 14, 5, 7, 9.0F);
  const Region there = regions(grid, 3.0F).at(0);
  grid.left = -0.03;
  grid.top = 0.05;
  const Region moved = regions(grid, 3.0F).at(0);
  EXPECT_NEAR(moved.x, there.x - 0.03F, 1e-6);
  EXPECT_NEAR(moved.y, there.y + 0.05F, 1e-6);
  EXPECT_NEAR(moved.width, there.width, 1e-6);
  EXPECT_NEAR(moved.height, there.height, 1e-6);
  EXPECT_EQ(moved.score, there.score);

  Grid corner = one_hot(14, 14, 0, 0, 9.0F);
  corner.left = corner.top = -0.03;
  const Region cut = regions(corner, 1.0F).at(0);
  EXPECT_EQ(cut.x, 0.0F);
  EXPECT_EQ(cut.y, 0.0F);
  EXPECT_GT(cut.width, 0.0F);
}

// A plateau of 4 x 6 cells. Its surroundings rise toward it, as in a network's features, by `step` per cell
// of distance.
Grid hill(float peak, float step) {
  Grid grid{14, 14, {}};
  for (int y = 0; y < 14; ++y) {
    for (int x = 0; x < 14; ++x) {
      const int distance = std::max({4 - x, x - 7, 3 - y, y - 8, 0});
      grid.values.push_back(std::max(0.5F, peak - step * static_cast<float>(distance)));
    }
  }
  return grid;
}

TEST(Regions, OfAStrongDefectEndNearIt) {
  for (const float peak : {3.0F, 10.0F, 40.0F}) {
    for (const float slope : {0.6F, 0.4F, 0.25F}) {
      const auto found = regions(hill(peak, slope * peak), 1.0F);
      ASSERT_EQ(found.size(), 1U);
      const Region &region = found[0];
      EXPECT_NEAR(region.x + region.width / 2, 5.5F / 13, 0.01);
      EXPECT_NEAR(region.y + region.height / 2, 5.5F / 13, 0.01);
      EXPECT_GE(region.width, 3.0F / 13);
      EXPECT_GE(region.height, 5.0F / 13);
      EXPECT_LE(region.width, 1.6F * 4 / 14) << peak << ", " << slope;
      EXPECT_LE(region.height, 1.6F * 6 / 14) << peak << ", " << slope;
      EXPECT_NEAR(region.score, peak, 1e-4 * static_cast<double>(peak));
    }
  }
}

// Regions of two peaks, 10 and 3. Between them, the map falls to `between`, and beyond them to zero.
std::vector<Region> two_peaks(float between) {
  Grid grid{14, 14, std::vector<float>(196, 0.1F)};
  for (std::size_t y = 6; y < 9; ++y) {
    for (std::size_t x = 1; x < 4; ++x) grid.values[y * 14 + x] = 10;
    for (std::size_t x = 4; x < 9; ++x) grid.values[y * 14 + x] = between;
    for (std::size_t x = 9; x < 12; ++x) grid.values[y * 14 + x] = 3;
  }
  return regions(grid, 1.0F);
}

TEST(Regions, AWeakDefectBesideAStrongOneIsOneOfItsOwn) {
  for (const float between : {0.1F, 1.5F, 2.3F}) {
    const auto found = two_peaks(between);
    ASSERT_EQ(found.size(), 2U) << between;
    EXPECT_NEAR(found[0].score, 10, 1e-4);
    EXPECT_NEAR(found[1].score, 3, 1e-4);
    EXPECT_LE(found[0].x + found[0].width, found[1].x) << "they do not overlap";
    EXPECT_NEAR(found[1].x + found[1].width / 2, 10.0F / 13, 0.05);
    EXPECT_LE(found[1].width, 1.6F * 3 / 14);
  }
}

TEST(Regions, ABumpOnAStrongDefectsSlopeIsNone) {
  EXPECT_EQ(two_peaks(2.9F).size(), 1U);
}

TEST(Regions, TopsOfOneDefectAreOne) {
  Grid grid = hill(10, 6);
  for (std::size_t y = 3; y < 9; ++y) grid.values[y * 14 + 5] = 8;
  const auto found = regions(grid, 1.0F);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_GE(found[0].width, 3.0F / 13);
}

TEST(Regions, OfAnyMapHoldItsMaximumAndReachTheThreshold) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Grid grid = random_grid(9, 7, seed);
    const auto found = regions(grid, 2.0F);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].score, image_score(grid, ScoreKind::Max));
    for (const Region &region : found) {
      EXPECT_GE(region.score, 2.0F);
      EXPECT_GE(region.width, 0.999F / 9) << "a cell at least";
      EXPECT_GE(region.height, 0.999F / 7);
    }
  }
}

TEST(Regions, OfAFlatGridAboveTheThresholdAreTheWholeFrame) {
  const auto found = regions(one_hot(4, 4, 0, 0, 1.0F), 0.5F);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].x, 0.0F);
  EXPECT_EQ(found[0].width, 1.0F);
  EXPECT_EQ(found[0].height, 1.0F);
}

TEST(Probability, IsAHalfAtTheThresholdAndGrowsWithTheScore) {
  const ScoreStatistics normal{8.0, 4.0, 1.0, 50};
  EXPECT_DOUBLE_EQ(probability(8.0, 8.0, &normal), 0.5);
  EXPECT_NEAR(probability(4.0, 8.0, &normal), 1 / (1 + std::exp(4.0)), 1e-12);
  EXPECT_LT(probability(7.0, 8.0, &normal), probability(7.5, 8.0, &normal));
  EXPECT_DOUBLE_EQ(probability(8.0, 8.0, nullptr), 0.5);
  const ScoreStatistics unusable{8.0, 9.0, 0.0, 50};
  EXPECT_GT(probability(8.5, 8.0, &unusable), 0.5);
}

TEST(Probability, RisesAndCrossesAHalfAtTheThresholdByEveryRule) {
  std::mt19937_64 random(3);
  std::gamma_distribution<double> normal(4, 0.5);
  NormalScores scores{std::vector<double>(500), {}, 25};
  std::generate(scores.values.begin(), scores.values.end(), [&] { return normal(random); });
  const NormalScores flat{std::vector<double>(50, 2.0), {}, 25};
  ThresholdRule quantile;
  quantile.quantile = 0.99;
  ThresholdRule alarms;
  alarms.false_alarms_per_hour = 1;
  for (const ThresholdRule &rule : {ThresholdRule{}, quantile, alarms}) {
    for (const NormalScores *sample : std::initializer_list<const NormalScores *>{&scores, &flat}) {
      const ScoreStatistics statistics = describe_scores(*sample, rule);
      const double threshold = statistics.threshold;
      EXPECT_DOUBLE_EQ(probability(threshold, threshold, &statistics), 0.5);
      double last = 0;
      for (int step = 0; step <= 300; ++step) {
        const double now = probability(step * threshold / 100, threshold, &statistics);
        EXPECT_GE(now, last);
        EXPECT_LE(now, 1);
        if (step > 95 && step < 105) {
          EXPECT_GT(now, last);
        }
        last = now;
      }
    }
  }
}

// For exponential scores, the odds state how many times more rarely normal frames reach a score.
TEST(Probability, OddsAreTheRatioOfFalseAlarms) {
  std::mt19937_64 random(3);
  std::exponential_distribution<double> normal(2);
  NormalScores scores{std::vector<double>(200'000), {}};
  std::generate(scores.values.begin(), scores.values.end(), [&] { return normal(random); });
  const ScoreStatistics statistics = describe_scores(scores, {});
  const auto reach = [&](double score) {
    return static_cast<double>(std::count_if(scores.values.begin(), scores.values.end(),
                                             [score](double value) { return value >= score; }));
  };
  for (const double score : {1.0, 1.5, 2.0, 2.5, 3.0}) {
    const double p = probability(score, 2.0, &statistics);
    EXPECT_NEAR(std::log(p / (1 - p)), std::log(reach(2.0) / reach(score)), 0.25) << score;
  }
}

}  // namespace
}  // namespace uniad
