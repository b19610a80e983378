// SPDX-License-Identifier: Apache-2.0
// Tests scores and regions that use only some cells (model/scoring/score.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "model/scoring/score.h"
#include "tests/model/scoring/random_grid.h"

namespace uniad {
namespace {

using test::random_grid;

CellMask all_of(int width, int height) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height), 1)};
}

CellMask random_mask(int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  CellMask mask = all_of(width, height);
  for (auto &cell : mask.cells) cell = random() % 3 == 0 ? 0 : 1;
  return mask;
}

// The weight of cell `from` at sample `to` of an axis that is enlarged 16 times with aligned corners.
double interpolated(int from, int to, int cells) {
  const double position = to * (cells - 1.0) / (16 * cells - 1.0);
  return std::max(0.0, 1 - std::abs(position - from));
}

// The weight of a cell at a place of the map or, if pooled, of the mean of 16 of its samples.
double weight(int from, int place, int cells, bool pooled) {
  if (!pooled) return interpolated(from, place, cells);
  double sum = 0;
  for (int k = 0; k < 16; ++k) sum += interpolated(from, place + k, cells) / 16;
  return sum;
}

int nearest_cell(int place, int cells, bool pooled) {
  const double middle = (place + (pooled ? 7.5 : 0)) * (cells - 1.0) / (16 * cells - 1.0);
  return static_cast<int>(std::lround(middle));
}

// The weighted mean over the mask for every place, by definition. Places outside the mask are omitted.
std::vector<double> naive(const Grid &grid, const CellMask &mask, bool pooled) {
  std::vector<double> values;
  const int rows = pooled ? 16 * grid.height - 15 : 16 * grid.height;
  const int columns = pooled ? 16 * grid.width - 15 : 16 * grid.width;
  for (int v = 0; v < rows; ++v) {
    for (int u = 0; u < columns; ++u) {
      if (!mask.at(nearest_cell(u, grid.width, pooled), nearest_cell(v, grid.height, pooled))) continue;
      double sum = 0;
      double weights = 0;
      for (int y = 0; y < grid.height; ++y) {
        for (int x = 0; x < grid.width; ++x) {
          if (!mask.at(x, y)) continue;
          const double w = weight(x, u, grid.width, pooled) * weight(y, v, grid.height, pooled);
          sum += w * static_cast<double>(grid.at(x, y));
          weights += w;
        }
      }
      values.push_back(sum / weights);
    }
  }
  return values;
}

double mean_of(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(MaskedScore, IsThatOfTheDefinition) {
  for (unsigned seed = 1; seed < 4; ++seed) {
    const Grid grid = random_grid(9, 7, seed);
    const CellMask mask = random_mask(9, 7, seed + 10);
    const auto pooled = naive(grid, mask, true);
    const auto fine = naive(grid, mask, false);
    const double mean = mean_of(fine);
    double squares = 0;
    for (const double value : fine) squares += (value - mean) * (value - mean);
    EXPECT_NEAR(Scorer(mask, ScoreKind::Max).score(grid), *std::max_element(pooled.begin(), pooled.end()),
                1e-5);
    EXPECT_NEAR(Scorer(mask, ScoreKind::Mean).score(grid), mean, 1e-5);
    EXPECT_NEAR(Scorer(mask, ScoreKind::Std).score(grid),
                std::sqrt(squares / static_cast<double>(fine.size())), 1e-5);
  }
}

TEST(MaskedScore, OfAllCellsIsTheScore) {
  const Grid grid = random_grid(14, 14, 5);
  for (const auto kind : {ScoreKind::Max, ScoreKind::Mean, ScoreKind::Std})
    EXPECT_NEAR(Scorer(all_of(14, 14), kind).score(grid), image_score(grid, kind), 1e-5);
}

TEST(MaskedScore, CellsOutsideTheMaskDoNotMatterAtAll) {
  Grid grid = random_grid(14, 14, 6);
  const CellMask mask = random_mask(14, 14, 7);
  for (const auto kind : {ScoreKind::Max, ScoreKind::Mean, ScoreKind::Std}) {
    Scorer scorer(mask, kind);
    const float before = scorer.score(grid);
    Grid other = grid;
    for (std::size_t i = 0; i < other.values.size(); ++i)
      if (mask.cells[i] == 0) other.values[i] = i % 2 == 0 ? 1e9F : std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(scorer.score(other), before);
  }
}

TEST(MaskedScore, EveryCellHasAPlaceOfItsOwn) {
  Grid grid = random_grid(5, 4, 8);
  for (std::size_t cell = 0; cell < grid.values.size(); ++cell) {
    CellMask mask{5, 4, std::vector<std::uint8_t>(20)};
    mask.cells[cell] = 1;
    EXPECT_NEAR(Scorer(mask, ScoreKind::Max).score(grid), grid.values[cell], 1e-5);
  }
}

TEST(MaskedScore, IsNoNumberWhereACellOfTheMaskIsNone) {
  Grid grid = random_grid(6, 6, 9);
  grid.values[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(Scorer(all_of(6, 6), ScoreKind::Max).score(grid)));
}

TEST(MaskedScore, OfNoCellsIsZero) {
  EXPECT_EQ(Scorer(CellMask{6, 6, std::vector<std::uint8_t>(36)}, ScoreKind::Max).score(random_grid(6, 6, 1)),
            0);
}

// A high cell at (3, 3), and a masked one at (10, 10).
TEST(MaskedRegions, AreThoseOfTheMask) {
  Grid grid{14, 14, std::vector<float>(196, 1)};
  grid.values[3 * 14 + 3] = 9;
  grid.values[10 * 14 + 10] = 20;
  CellMask mask = all_of(14, 14);
  mask.cells[10 * 14 + 10] = 0;
  const auto found = regions(grid, mask, 4);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].score, Scorer(mask, ScoreKind::Max).score(grid));
  EXPECT_LT(found[0].x, 3.5F / 14);
  EXPECT_GT(found[0].x + found[0].width, 3.5F / 14);
  EXPECT_TRUE(regions(grid, CellMask{14, 14, std::vector<std::uint8_t>(196)}, 4).empty());
}

}  // namespace
}  // namespace uniad
