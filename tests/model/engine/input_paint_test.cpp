// SPDX-License-Identifier: Apache-2.0
#include "model/engine/backend/input_paint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace uniad {
namespace {

constexpr int side = 32;

// The columns from 0.25 to 0.5 are ignored: 8 to 15 of 32, and one at either side.
Zones strip() {
  return {{{"", ZoneKind::Ignore, {{0.25, 0}, {0.5, 0}, {0.5, 1}, {0.25, 1}}, {}, {}}}, {}};
}

bool is_ignored(std::size_t pixel) {
  const std::size_t column = pixel % side;
  return column >= 7 && column <= 16;
}

std::vector<float> picture(unsigned seed, float brighter = 0) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<float> image(std::size_t{3} * side * side);
  for (float &value : image) value = uniform(random) + brighter;
  return image;
}

// The kept part of one picture and the ignored part of another.
std::vector<float> mixed(const std::vector<float> &kept, const std::vector<float> &ignored) {
  std::vector<float> image = kept;
  for (std::size_t i = 0; i < image.size(); ++i)
    if (is_ignored(i % (side * side))) image[i] = ignored[i];
  return image;
}

std::vector<float> painted(const InputPaint &paint, std::vector<float> image) {
  InputPaint::Seen seen;
  paint.apply(image, seen);
  return image;
}

void show(InputPaint &paint, std::vector<float> image) {
  InputPaint::Seen seen;
  paint.apply(image, seen);
  paint.remember(seen);
}

TEST(InputPaint, TheFirstPictureStaysAsItIs) {
  const InputPaint paint(strip(), side, side);
  EXPECT_TRUE(paint.ignores_any());
  EXPECT_EQ(painted(paint, picture(1)), picture(1));
}

TEST(InputPaint, WhatIsIgnoredDoesNotMatterAndTheRestStays) {
  InputPaint paint(strip(), side, side);
  show(paint, picture(1));
  const auto one = painted(paint, mixed(picture(2), picture(3)));
  const auto other = painted(paint, mixed(picture(2), picture(4, 9)));
  EXPECT_EQ(mixed(one, picture(2)), picture(2));
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_NEAR(one[i], other[i], 1e-5);
}

TEST(InputPaint, PaintsWhatTheFirstPictureShowsMovedByTheLight) {
  InputPaint paint(strip(), side, side);
  show(paint, mixed(picture(1), picture(2)));
  show(paint, mixed(picture(1), picture(3)));
  const auto image = painted(paint, mixed(picture(1, 0.5F), picture(9)));
  const auto first = picture(2);
  for (std::size_t i = 0; i < image.size(); ++i)
    ASSERT_TRUE(!is_ignored(i % (side * side)) || std::abs(image[i] - first[i] - 0.5F) < 1e-5F) << i;
}

TEST(InputPaint, WithoutIgnoredPixelsThereIsNothingToPaint) {
  const Zones watch{{{"w", ZoneKind::Watch, {{0, 0}, {1, 0}, {1, 1}}, {}, {}}}, {}};
  EXPECT_FALSE(InputPaint(watch, side, side).ignores_any());
}

TEST(InputPaint, OfAFrameThatIsIgnoredAsAWholeIsFinite) {
  Zones all;
  all.mask = {1, 1, {1}};
  InputPaint paint(all, side, side);
  show(paint, picture(1));
  const auto image = painted(paint, picture(2));
  EXPECT_EQ(image, picture(1));
}

}  // namespace
}  // namespace uniad
