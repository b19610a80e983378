// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/chart.h"

#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace uniad {
namespace {

using test::holds;

TEST(Chart, DrawsInItsAxes) {
  // 180 x 160 with margins of 56, 24, 14 and 46: x 0..10 is 56..156, y 0..1 is 114..14.
  Chart chart(180, 160, {"t", 0, 10}, {"v", 0, 1}, "a < b");
  const Point points[] = {{0, 0}, {5, 0.25}, {10, 1}};
  chart.line(points, "curve");
  EXPECT_TRUE(
      holds(chart.svg(), R"(<polyline class="line curve" points="56.0,114.0 106.0,89.0 156.0,14.0 "/>)"))
      << chart.svg();
  chart.band(2, 4, "abnormal");
  EXPECT_TRUE(
      holds(chart.svg(), R"(<rect class="band abnormal" x="76.0" y="14.0" width="20.0" height="100.0"/>)"));
  EXPECT_TRUE(holds(chart.svg(), R"(aria-label="a &lt; b")"));
}

TEST(Chart, WhatLiesOutsideIsDrawnAtTheEnd) {
  Chart chart(180, 160, {"t", 0, 10}, {"v", 0, 1}, "");
  chart.dot({20, -3}, "");
  EXPECT_TRUE(holds(chart.svg(), R"(cx="156.0" cy="114.0")"));
}

TEST(Chart, LogarithmicAxesAreEvenInTheLogarithm) {
  Chart chart(180, 160, {"t", 0, 10}, {"v", 0.01, 1, true}, "");
  chart.dot({0, 0.1}, "");
  EXPECT_TRUE(holds(chart.svg(), R"(cx="56.0" cy="64.0")"));
}

TEST(Chart, MarksAreRoundNumbers) {
  const auto near = [](const std::vector<double> &actual, const std::vector<double> &expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-12);
  };
  near(ticks({"", 0, 1}), {0, 0.2, 0.4, 0.6, 0.8, 1});
  near(ticks({"", 1.3, 9.1}), {2, 4, 6, 8});
  near(ticks({"", -3, 3}), {-2, 0, 2});
  near(ticks({"", 0.3, 7, true}), {0.5, 1, 2, 5});
  near(ticks({"", 1e-6, 10, true}), {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10});
}

}  // namespace
}  // namespace uniad
