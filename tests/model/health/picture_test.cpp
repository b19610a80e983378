// SPDX-License-Identifier: Apache-2.0
#include "model/health/picture.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace uniad {
namespace {

// 0.299 R + 0.587 G + 0.114 B, rounded.
TEST(Luma, OfColors) {
  const std::array<std::uint8_t, 12> rgb{255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 100, 50};
  GrayPicture luma;
  luma_of_rgb(rgb, 2, 2, luma);
  EXPECT_EQ(luma.width, 2);
  EXPECT_EQ(luma.height, 2);
  EXPECT_EQ(luma.values, (std::vector<std::uint8_t>{76, 150, 29, 124}));
}

TEST(Luma, OfTheNetworksInputIsThatOfThePicture) {
  const std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  const std::array<float, 3> std{0.229F, 0.224F, 0.225F};
  std::vector<std::uint8_t> rgb(std::size_t{4} * 3 * 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * 7 % 256);
  std::vector<float> chw(rgb.size());
  for (std::size_t pixel = 0; pixel < 12; ++pixel)
    for (std::size_t channel = 0; channel < 3; ++channel)
      chw[channel * 12 + pixel] =
          (static_cast<float>(rgb[3 * pixel + channel]) / 255 - mean[channel]) / std[channel];
  GrayPicture expected;
  GrayPicture luma;
  luma_of_rgb(rgb, 4, 3, expected);
  luma_of_input(chw, 4, 3, mean, std, luma);
  EXPECT_EQ(luma.values, expected.values);
}

TEST(Luma, WhatIsNoNumberIsBlackOrWhite) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinite = std::numeric_limits<float>::infinity();
  const std::array<float, 9> chw{nan, infinite, -infinite, 0, 0, 0, 0, 0, 0};
  const std::array<float, 3> mean{0, 0, 0};
  const std::array<float, 3> std{1, 1, 1};
  GrayPicture luma;
  luma_of_input(chw, 3, 1, mean, std, luma);
  EXPECT_EQ(luma.values, (std::vector<std::uint8_t>{0, 255, 0}));
}

TEST(Reduce, AveragesWhatAPixelCovers) {
  const GrayPicture picture{4, 2, {10, 20, 30, 40, 50, 60, 70, 80}};
  EXPECT_EQ(reduce(picture, 2, 1).values, (std::vector<float>{35, 55}));
}

TEST(Reduce, RepeatsPixelsOfASmallerPicture) {
  const LumaPlane plane = reduce({1, 1, {7}}, 3, 2);
  EXPECT_EQ(plane.values, std::vector<float>(6, 7));
}

TEST(Edges, LieWhereLevelsChange) {
  const LumaPlane step{4, 3, {0, 0, 10, 10, 0, 0, 10, 10, 0, 0, 10, 10}};
  EXPECT_EQ(edges(step).values, (std::vector<float>{0, 0, 0, 0, 0, 10, 10, 0, 0, 0, 0, 0}));
}

TEST(Correlation, IsThatOfPearson) {
  const LumaPlane a{4, 1, {1, 2, 3, 4}};
  const LumaPlane b{4, 1, {2, 1, 4, 3}};
  EXPECT_NEAR(correlation(a, b), 0.6, 1e-9);  // scipy.stats.pearsonr
  EXPECT_NEAR(correlation(a, {4, 1, {-1, -2, -3, -4}}), -1, 1e-9);
  EXPECT_EQ(correlation(a, {4, 1, {5, 5, 5, 5}}), 0);
}

}  // namespace
}  // namespace uniad
