// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/zones.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/scoring/score.h"
#include "model/scoring/zone_grid.h"

namespace uniad {
namespace {

// Whether a point is in a polygon, by the even-odd rule: counts the edges that a ray to the right crosses.
bool is_inside(const std::vector<Point> &polygon, double x, double y) {
  bool inside = false;
  for (std::size_t i = 0, j = polygon.size() - 1; i < polygon.size(); j = i++) {
    const Point &a = polygon[i];
    const Point &b = polygon[j];
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

// The share of a cell's visible part in which `is` is true, estimated with many samples.
template <typename Is>
double sampled(const Area &area, int width, int height, int column, int row, Is is) {
  constexpr int samples = 100;
  int counted = 0;
  int held = 0;
  for (int j = 0; j < samples; ++j) {
    for (int i = 0; i < samples; ++i) {
      const double x = area.x + area.width * (column + (i + 0.5) / samples) / width;
      const double y = area.y + area.height * (row + (j + 0.5) / samples) / height;
      if (x < 0 || x > 1 || y < 0 || y > 1) continue;
      ++counted;
      held += is(x, y) ? 1 : 0;
    }
  }
  return counted > 0 ? static_cast<double>(held) / counted : -1;
}

std::vector<Point> random_polygon(std::mt19937 &random, int points) {
  std::uniform_real_distribution<double> uniform(-0.2, 1.2);
  std::vector<Point> polygon;
  for (int i = 0; i < points; ++i) polygon.push_back({uniform(random), uniform(random)});
  return polygon;
}

Zone ignore(std::vector<Point> polygon) {
  return {"", ZoneKind::Ignore, std::move(polygon), {}, {}};
}

Zone watch(std::vector<Point> polygon) {
  return {"w", ZoneKind::Watch, std::move(polygon), {}, {}};
}

std::vector<Point> rectangle(double left, double top, double right, double bottom) {
  return {{left, top}, {right, top}, {right, bottom}, {left, bottom}};
}

// Random polygons of up to nine points; most of them intersect themselves.
TEST(Zones, SharesAreThoseOfPointsInThePolygon) {
  std::mt19937 random(1);
  const Grid displaced{14, 9, {}, -0.03, 0.02};
  for (int round = 0; round < 20; ++round) {
    const auto polygon = random_polygon(random, 3 + round % 7);
    const Area area = round % 2 == 0 ? Area() : area_of(displaced);
    const auto shares = share_inside(polygon, area, 14, 9);
    for (int y = 0; y < 9; ++y) {
      for (int x = 0; x < 14; ++x) {
        const double expected =
            sampled(area, 14, 9, x, y, [&](double u, double v) { return is_inside(polygon, u, v); });
        if (expected < 0) continue;
        ASSERT_NEAR(shares[static_cast<std::size_t>(y * 14 + x)], expected, 0.04);
      }
    }
  }
}

TEST(Zones, OverlappingIgnoreZonesAndTheMaskCountOnce) {
  std::mt19937 random(2);
  Zones zones;
  zones.zones = {ignore(random_polygon(random, 5)), watch(rectangle(0, 0, 1, 1)),
                 ignore(random_polygon(random, 4))};
  zones.mask = {37, 11, {}};
  for (int i = 0; i < 37 * 11; ++i) zones.mask.ignored.push_back(random() % 3 == 0 ? 1 : 0);
  const auto shares = share_ignored(zones, {}, 8, 6);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) {
      const double expected = sampled({}, 8, 6, x, y, [&](double u, double v) {
        const int pixel = static_cast<int>(v * 11) * 37 + static_cast<int>(u * 37);
        return zones.mask.ignored[static_cast<std::size_t>(pixel)] == 1 ||
               is_inside(zones.zones[0].polygon, u, v) || is_inside(zones.zones[2].polygon, u, v);
      });
      ASSERT_NEAR(shares[static_cast<std::size_t>(y * 8 + x)], expected, 0.06);
    }
  }
}

// Covers the middle one of five columns, which is 0.2 wide, up to x.
TEST(Zones, ACellIsIgnoredFromHalfOfItsAreaOn) {
  const auto kept = [](double to) {
    return kept_cells({{ignore(rectangle(0.4, 0, to, 1))}, {}}, {}, 5, 1).cells;
  };
  EXPECT_EQ(kept(0.499), (std::vector<std::uint8_t>{1, 1, 1, 1, 1}));
  EXPECT_EQ(kept(0.5), (std::vector<std::uint8_t>{1, 1, 0, 1, 1}));
  EXPECT_EQ(kept(0.71), (std::vector<std::uint8_t>{1, 1, 0, 0, 1}));
}

// Cells of a grid that begins at 0 extend half a cell beyond the frame, where nothing can be ignored.
TEST(Zones, OnlyTheFrameCounts) {
  const Grid grid{3, 3, {}};
  const CellMask kept = kept_cells({{ignore(rectangle(0, 0, 0.2, 1))}, {}}, area_of(grid), 3, 3);
  EXPECT_EQ(kept.cells, (std::vector<std::uint8_t>{0, 1, 1, 0, 1, 1, 0, 1, 1}));
}

TEST(Zones, ASmallWatchZoneKeepsTheCellThatItCoversMost) {
  const CellMask cells = cells_of(watch(rectangle(0.37, 0.31, 0.42, 0.34)), {}, 5, 5);
  EXPECT_EQ(cells.count(), 1U);
  EXPECT_TRUE(cells.at(1, 1));  // 0.2 to 0.4; the next cell has 0.02 of 0.05
  const CellMask thin = cells_of(watch(rectangle(0.1, 0.3001, 0.15, 0.3002)), {}, 5, 5);
  EXPECT_EQ(thin.count(), 1U);
  EXPECT_TRUE(thin.at(0, 1));
}

TEST(Zones, TenThousandPointsAreAPolygonLikeAnother) {
  std::vector<Point> circle;
  for (int i = 0; i < 10'000; ++i) {
    const double angle = i * 2 * M_PI / 10'000;
    circle.push_back({0.5 + 0.3 * std::cos(angle), 0.5 + 0.3 * std::sin(angle)});
  }
  for (const int size : {14, 224}) {
    const auto shares = share_inside(circle, {}, size, size);
    double sum = 0;
    for (const double share : shares) sum += share;
    EXPECT_NEAR(sum / size / size, M_PI * 0.09, 2e-4);
  }
}

TEST(Zones, APixelIsJudgedIfTheCellNearestToItIs) {
  Grid shape{14, 14, std::vector<float>(196), 0, 0};
  const ZoneGrid grid =
      zones_on({{{"", ZoneKind::Ignore, {{0.2, 0.1}, {0.9, 0.3}, {0.5, 0.8}}, {}, {}}}, {}}, shape);
  constexpr int width = 60;
  constexpr int height = 48;
  const std::vector<std::uint8_t> judged = judged_pixels(grid, shape, width, height);
  const auto nearest = [](double place, int cells) {
    int best = 0;
    for (int cell = 1; cell < cells; ++cell)
      if (std::abs(cell / (cells - 1.0) - place) < std::abs(best / (cells - 1.0) - place)) best = cell;
    return best;
  };
  int ignored = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const int cell = nearest((y + 0.5) / height, 14) * 14 + nearest((x + 0.5) / width, 14);
      const bool kept = grid.kept.cells[static_cast<std::size_t>(cell)] != 0;
      EXPECT_EQ(judged[static_cast<std::size_t>(y * width + x)] != 0, kept) << x << " " << y;
      ignored += kept ? 0 : 1;
    }
  EXPECT_GT(ignored, 100);
}

TEST(Zones, AMaskOfAnySizeCoversTheWholeFrame) {
  Zones zones;
  zones.mask = {2, 2, {1, 0, 0, 0}};
  EXPECT_EQ(kept_cells(zones, {}, 4, 4).cells,
            (std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  zones.mask = {1, 1, {1}};
  EXPECT_EQ(kept_cells(zones, {}, 4, 4).count(), 0U);
}

}  // namespace
}  // namespace uniad
