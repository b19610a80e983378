// SPDX-License-Identifier: Apache-2.0
#include "training/data/augment.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <numeric>
#include <vector>

#include "tests/support/refusal.h"
#include "training/data/outliers.h"

#include <nlohmann/json.hpp>

namespace uniad {
namespace {

using Pixels = std::vector<std::uint8_t>;

// Pixel i has the red value i: 0 1 / 2 3.
Pixels square() {
  return {0, 9, 9, 1, 9, 9, 2, 9, 9, 3, 9, 9};
}

// The red values of a 2x2 picture after augmentation.
std::array<int, 4> reds(const Augmentation &augmentation, std::uint64_t picture, std::uint64_t epoch = 0) {
  Pixels pixels = square();
  augment(pixels, 2, 2, augmentation, {7, epoch, picture});
  return {pixels[0], pixels[3], pixels[6], pixels[9]};
}

std::map<std::array<int, 4>, int> counted(const Augmentation &augmentation) {
  std::map<std::array<int, 4>, int> counts;
  for (std::uint64_t picture = 0; picture < 400; ++picture) ++counts[reds(augmentation, picture)];
  return counts;
}

// 400 draws with probability 1/2 (1/4) give 200 +- 10 (100 +- 8.7); the bounds are six of these deviations
// away.
TEST(Augment, FlipsHalfOfThePictures) {
  auto horizontal = counted({.flip_horizontal = true});
  EXPECT_EQ(horizontal.size(), 2U);
  EXPECT_NEAR((horizontal[{1, 0, 3, 2}]), 200, 60);
  auto vertical = counted({.flip_vertical = true});
  EXPECT_EQ(vertical.size(), 2U);
  EXPECT_NEAR((vertical[{2, 3, 0, 1}]), 200, 60);
}

TEST(Augment, RotatesByQuartersEvenly) {
  auto turned = counted({.rotate = true});
  EXPECT_EQ(turned.size(), 4U);
  for (const auto &wanted : {std::array{0, 1, 2, 3}, {1, 3, 0, 2}, {3, 2, 1, 0}, {2, 0, 3, 1}})
    EXPECT_NEAR(turned[wanted], 100, 52);
}

TEST(Augment, APictureThatIsNotSquareIsOnlyTurnedOver) {
  std::map<int, int> first;
  for (std::uint64_t picture = 0; picture < 400; ++picture) {
    Pixels pixels(3 * 6);
    std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
    augment(pixels, 3, 2, {.rotate = true}, {7, 0, picture});
    ++first[pixels[0]];
  }
  EXPECT_EQ(first.size(), 2U);
  EXPECT_NEAR(first[15], 200, 60);
}

TEST(Augment, SeedEpochAndPictureDecideAlone) {
  const Augmentation all{true, true, true, true};
  const auto drawn = [&](const AugmentationDraw &draw) {
    Pixels pixels(3 * 64);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37);
    augment(pixels, 8, 8, all, draw);
    return pixels;
  };
  EXPECT_EQ(drawn({1, 2, 3}), drawn({1, 2, 3}));
  EXPECT_NE(drawn({1, 2, 3}), drawn({2, 2, 3}));
  EXPECT_NE(drawn({1, 2, 3}), drawn({1, 3, 3}));
  EXPECT_NE(drawn({1, 2, 3}), drawn({1, 2, 4}));
}

TEST(Augment, ColorsKeepToTheirBounds) {
  int changed = 0;
  double darkest = 255;
  double brightest = 0;
  for (std::uint64_t picture = 0; picture < 400; ++picture) {
    Pixels gray(3 * 16, 100);  // contrast, saturation and hue do not change plain gray
    augment(gray, 4, 4, {.color = true}, {7, 0, picture});
    for (const std::uint8_t level : gray) EXPECT_EQ(level, gray[0]);
    if (gray[0] != 100) ++changed;
    darkest = std::min<double>(darkest, gray[0]);
    brightest = std::max<double>(brightest, gray[0]);
  }
  EXPECT_NEAR(changed, 190, 60);  // half of the pictures, except for those that round to 100
  EXPECT_GE(darkest, 90);
  EXPECT_LE(darkest, 92);
  EXPECT_LE(brightest, 110);
  EXPECT_GE(brightest, 108);
}

TEST(Augment, HueTurnsAndSaturationFades) {
  bool turned = false;
  bool faded = false;
  for (std::uint64_t picture = 0; picture < 100; ++picture) {
    Pixels red(3 * 4);
    for (std::size_t i = 0; i < red.size(); i += 3) red[i] = 200;
    augment(red, 2, 2, {.color = true}, {7, 0, picture});
    EXPECT_GT(red[0], std::max(red[1], red[2]));  // 0.07 of the circle does not reach the next color
    turned = turned || red[1] != red[2];
    faded = faded || (red[1] > 20 && red[1] == red[2]);
  }
  EXPECT_TRUE(turned);
  EXPECT_TRUE(faded);
}

TEST(Augment, ListsAreParsed) {
  const auto some = parse_augmentation("flip-v,colour");
  EXPECT_FALSE(some.flip_horizontal);
  EXPECT_TRUE(some.flip_vertical);
  EXPECT_FALSE(some.rotate);
  EXPECT_TRUE(some.color);
  EXPECT_TRUE(parse_augmentation("color").color);
  EXPECT_FALSE(parse_augmentation("").any());
  EXPECT_TRUE(test::holds(test::refusal([] { parse_augmentation("flip-h,zoom"); }), "\"zoom\""));
}

TEST(Outliers, TheHighestComeFirstWithTheirFiles) {
  const auto scored = [](const char *path, double score) {
    return ScoredItem{"cam", {path, {}, {}, {}, {}}, score};
  };
  std::vector<ScoredItem> all{scored("a.png", 1), scored("b.mp4", 3), scored("c.png", 2)};
  all[1].item.frame = 17;
  const auto worst = highest(all, 2);
  ASSERT_EQ(worst.size(), 2U);
  EXPECT_EQ(describe(worst[0]), "cam: 3  b.mp4, frame 17");
  EXPECT_EQ(describe(worst[1]), "cam: 2  c.png");
  EXPECT_EQ(to_json(worst).dump(), R"([{"source":"cam","path":"b.mp4","frame":17,"score":3.0},)"
                                   R"({"source":"cam","path":"c.png","score":2.0}])");
  EXPECT_EQ(highest(all, 9).size(), 3U);
}

}  // namespace
}  // namespace uniad
