// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/plots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

namespace uniad {
namespace {

std::size_t count(const std::string &text, const std::string &part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The points of the line of this kind, as drawn: y increases downwards.
std::vector<Point> points_of(const std::string &svg, const std::string &kind) {
  const std::string opening = "class=\"line " + kind + "\" points=\"";
  const auto begin = svg.find(opening) + opening.size();
  std::istringstream text(svg.substr(begin, svg.find('"', begin) - begin));
  std::vector<Point> points;
  char comma = 0;
  for (Point point; text >> point.x >> comma >> point.y;) points.push_back(point);
  return points;
}

Timeline long_video() {
  Timeline timeline{"v.mp4", 25, {}};
  for (std::int64_t n = 0; n < 100'000; ++n)
    timeline.frames.push_back({n, n == 61'234 ? 50.0F : 1.0F, n >= 50'000 && n < 75'000, n == 61'234});
  return timeline;
}

TEST(Plots, ALongVideoIsAFewHundredPointsAndKeepsItsPeak) {
  const auto svg = timeline_plot(long_video(), 10, 1);
  const auto points = points_of(svg, "curve");
  EXPECT_LE(points.size(), 600U);
  const auto peak = std::min_element(points.begin(), points.end(),
                                     [](const Point &a, const Point &b) { return a.y < b.y; });
  // The axis goes from 1 to 50 plus a tenth, drawn from 214 up to 14. It is 960 wide minus 56 and 24.
  EXPECT_NEAR(peak->y, 214 - 200 / 1.1, 0.1);
  EXPECT_NEAR(peak->x, 56 + 880 * 0.61234, 0.2);
  EXPECT_EQ(count(svg, "class=\"band abnormal\""), 1U);
  EXPECT_EQ(count(svg, "class=\"strip alarm\""), 1U);
}

TEST(Plots, AlarmsWithoutEndStayAFewHundredStrips) {
  auto flicker = long_video();
  for (auto &frame : flicker.frames) frame.alarm = frame.number % 50 == 0;
  EXPECT_LE(count(timeline_plot(flicker, 10, 1), "class=\"strip alarm\""), 960U);
}

TEST(Plots, WithoutAFrameRateTimeIsInFrames) {
  auto timeline = long_video();
  timeline.frame_rate.reset();
  EXPECT_EQ(count(timeline_plot(timeline, std::nullopt, 1), ">frame</text>"), 1U);
  EXPECT_EQ(count(timeline_plot(timeline, std::nullopt, 1), "threshold"), 0U);
}

TEST(Plots, TheRocCurveHasItsDotAtTheThreshold) {
  const std::vector<float> normal{1, 2, 3, 4};
  const std::vector<float> abnormal{3.5, 5};
  const auto svg = roc_plot(normal, abnormal, Confusion{3, 1, 1, 1});
  // 480 x 320: x from 56 to 456, y from 274 to 14.
  const auto points = points_of(svg, "curve");
  ASSERT_EQ(points.size(), 7U);
  EXPECT_EQ(points[1].y, 144);  // half are found without a false alarm
  EXPECT_EQ(points[2].x, 156);
  EXPECT_NE(svg.find("cx=\"156.0\" cy=\"144.0\""), std::string::npos);
  EXPECT_TRUE(roc_plot(normal, {}, {}).empty());
}

TEST(Plots, TheHistogramHasABarForEveryRangeThatHasScores) {
  const std::vector<float> normal{1, 1, 1, 2};
  const std::vector<float> abnormal{3, 100};  // the last one must not stretch the axis
  std::vector<float> many_normal;
  for (int i = 0; i < 50; ++i) many_normal.insert(many_normal.end(), normal.begin(), normal.end());
  const auto svg = histogram_plot(many_normal, abnormal, 2.5);
  EXPECT_EQ(count(svg, "class=\"bar normal\""), 2U);
  EXPECT_EQ(count(svg, "class=\"bar abnormal\""), 1U);  // both are in the last bar
  EXPECT_TRUE(histogram_plot({}, {}, 1).empty());
  EXPECT_EQ(count(histogram_plot(std::vector<float>(3, 7.0F), {}, {}), "class=\"bar"), 1U);
}

TEST(Plots, CurvesAreMeansOfNeighboringSteps) {
  std::vector<Point> steps;
  for (int n = 1; n <= 30'000; ++n) steps.push_back({static_cast<double>(n), n % 2 == 0 ? 3.0 : 1.0});
  const auto points = points_of(curve_plot("loss", steps), "curve");
  EXPECT_EQ(points.size(), 300U);
  for (const auto &point : points) EXPECT_EQ(point.y, points.front().y);  // 2, everywhere
  EXPECT_TRUE(curve_plot("loss", {}).empty());
  EXPECT_EQ(points_of(curve_plot("loss", std::vector<Point>{{1, 5}}), "curve").size(), 1U);
}

}  // namespace
}  // namespace uniad
