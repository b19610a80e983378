// SPDX-License-Identifier: Apache-2.0
#include "model/motion/normal_flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/model/motion/scenes.h"

namespace uniad {
namespace {

using test::at_frame;

LumaPlane random_plane(unsigned seed, int height = 100) {
  std::mt19937 random(seed);
  LumaPlane plane{180, height, std::vector<float>(static_cast<std::size_t>(180 * height))};
  for (float &value : plane.values) value = static_cast<float>(random() % 256);
  return plane;
}

// Pictures that differ a little, as those of a sensor do.
LumaPlane noisy_plane(int number) {
  LumaPlane plane = random_plane(0);
  for (std::size_t i = 0; i < plane.values.size(); ++i)
    plane.values[i] += static_cast<float>((i * 7 + static_cast<std::size_t>(number) * 3) % 5) / 2;
  return plane;
}

// The speed of a cell, from the definition.
double speed_at(const LumaPlane &a, const LumaPlane &b, int column, int row) {
  const auto mean = [&](int x, int y) {
    x = std::clamp(x, 0, a.width - 1);
    y = std::clamp(y, 0, a.height - 1);
    return (static_cast<double>(a.at(x, y)) + static_cast<double>(b.at(x, y))) / 2;
  };
  const auto gradient = [&](int x, int y) {
    x = std::clamp(x, 1, a.width - 2);
    double across = 0, down = 0;
    for (int i = -1; i <= 1; ++i) {
      const int weight = i == 0 ? 2 : 1;
      across += weight * (mean(x + 1, y + i) - mean(x - 1, y + i));
      down += weight * (mean(x + i, y + 1) - mean(x + i, y - 1));
    }
    return std::hypot(across, down) / 8;
  };
  double change = 0, slope = 0;
  for (int y = 4 * row; y < 4 * row + 16; ++y)
    for (int x = 4 * column; x < 4 * column + 16; ++x) {
      change += std::abs(static_cast<double>(b.at(x, y)) - static_cast<double>(a.at(x, y))) / 256;
      slope += gradient(x, y) / 256;
    }
  return change / (slope + 5);
}

TEST(NormalFlow, FollowsItsDefinition) {
  NormalFlow flow;
  const LumaPlane a = random_plane(1);
  const LumaPlane b = random_plane(2);
  LumaPlane near_b = a;  // no cut: most of the picture stays
  for (std::size_t i = 0; i < near_b.values.size() / 3; ++i) near_b.values[i] = b.values[i];
  ASSERT_EQ(flow.add(a, at_frame(0)), nullptr);
  const MotionMap *map = flow.add(near_b, at_frame(1));
  ASSERT_NE(map, nullptr);
  ASSERT_EQ(map->width, 42);
  ASSERT_EQ(map->height, 22);
  for (int y = 0; y < map->height; ++y)
    for (int x = 0; x < map->width; ++x)
      ASSERT_NEAR(map->speeds[static_cast<std::size_t>(y * map->width + x)], speed_at(a, near_b, x, y), 1e-3);
}

TEST(NormalFlow, IsAnExponentialMean) {
  NormalFlow flow;
  const LumaPlane a = random_plane(1);
  LumaPlane b = a;
  for (std::size_t i = 0; i < b.values.size() / 3; ++i) b.values[i] = 128;
  flow.add(a, at_frame(0, 10));
  const double first = flow.add(b, at_frame(1, 10))->speeds[0];
  b.values.back() += 250;  // nothing changes in the first cell
  const double then = flow.add(b, at_frame(2, 10))->speeds[0];
  EXPECT_NEAR(then, first * std::exp(-0.1 / 0.2), 1e-4);
}

TEST(NormalFlow, ComparesFramesATenthOfASecondApart) {
  for (const auto &[rate, steps] :
       {std::pair(25.0, 2), std::pair(30.0, 3), std::pair(10.0, 1), std::pair(90.0, 9), std::pair(4.0, 1)}) {
    NormalFlow flow;
    for (int i = 0; i < 40; ++i) flow.add(noisy_plane(i), at_frame(i, rate));
    EXPECT_NEAR(std::chrono::duration<double>(flow.step()).count(), steps / rate, 1e-6) << rate;
  }
}

TEST(NormalFlow, ComparesAtTheLearnedStep) {
  NormalFlow flow;
  const auto step = std::chrono::milliseconds(200);
  for (int i = 0; i < 40; ++i) flow.add(noisy_plane(i), at_frame(i), step);
  EXPECT_EQ(flow.step(), step);
  NormalFlow slow;  // no frame is near enough
  for (int i = 0; i < 5; ++i) EXPECT_EQ(slow.add(noisy_plane(i), at_frame(i, 1), step), nullptr);
}

TEST(NormalFlow, BeginsAnewAfterADiscontinuity) {
  for (const auto next : {at_frame(5), at_frame(4), at_frame(200)}) {  // the same time, back, a gap
    NormalFlow flow;
    for (int i = 0; i <= 5; ++i) flow.add(noisy_plane(i), at_frame(i));
    EXPECT_EQ(flow.add(noisy_plane(6), next), nullptr);
    EXPECT_NE(flow.add(noisy_plane(7), next + std::chrono::milliseconds(40)), nullptr);
  }
  NormalFlow flow;
  for (int i = 0; i <= 5; ++i) flow.add(noisy_plane(i), at_frame(i));
  EXPECT_EQ(flow.add(random_plane(3, 120), at_frame(6)), nullptr);  // another size
  EXPECT_EQ(flow.add(random_plane(4, 120), at_frame(7)), nullptr);  // a cut
  EXPECT_EQ(flow.add(random_plane(4, 12), at_frame(8)), nullptr);   // too low for a cell
}

TEST(NormalFlow, ARepeatedPictureIsNoStandstillAtFirst) {
  NormalFlow flow;
  for (int i = 0; i < 5; ++i) flow.add(noisy_plane(i), at_frame(i, 5));
  const LumaPlane newest = noisy_plane(5);
  const double speed = flow.add(newest, at_frame(5, 5))->speeds[0];
  EXPECT_GT(speed, 0);
  const auto later = [&](int milliseconds) {
    return at_frame(5, 5) + std::chrono::milliseconds(milliseconds);
  };
  EXPECT_EQ(flow.add(newest, later(40))->speeds[0], static_cast<float>(speed));
  EXPECT_EQ(flow.add(newest, later(400))->speeds[0], static_cast<float>(speed));
  EXPECT_LT(flow.add(newest, later(600))->speeds[0], speed / 10) << "it is frozen";
}

TEST(NormalFlow, IgnoredPixelsHaveNoInfluence) {
  NormalFlow flow;
  LumaPlane a = random_plane(5);
  LumaPlane b = a;
  std::vector<std::uint8_t> ignored(a.values.size());
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 60; ++x) {
      const auto at = static_cast<std::size_t>(y * 180 + x);
      ignored[at] = 1;
      b.values[at] = 255 - a.values[at];
    }
  flow.ignore(ignored);
  flow.add(a, at_frame(0));
  const MotionMap *map = flow.add(b, at_frame(1));
  ASSERT_NE(map, nullptr);
  for (int y = 0; y < map->height; ++y)
    for (int x = 0; x < map->width; ++x) {
      const float speed = map->speeds[static_cast<std::size_t>(y * map->width + x)];
      const int covered = std::clamp(60 - 4 * x, 0, 16) * std::clamp(40 - 4 * y, 0, 16);
      EXPECT_EQ(speed, covered > 128 ? -1 : 0) << x << ", " << y;
    }
}

}  // namespace
}  // namespace uniad
