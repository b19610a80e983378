// SPDX-License-Identifier: Apache-2.0
#include "model/health/scene_edges.h"

#include <gtest/gtest.h>

#include "tests/model/health/scenes.h"

namespace uniad {
namespace {

LumaPlane at_scene_side(const GrayPicture &picture) {
  return reduce(picture, scene_side, scene_side);
}

SceneEdges learned(const GrayPicture &picture) {
  return {at_scene_side(picture), reduce(test::uniform(0), scene_side, scene_side)};
}

SceneMatch find(const SceneEdges &scene, const GrayPicture &picture) {
  return scene.find(edges_to_match(at_scene_side(picture)), true);
}

TEST(SceneEdges, AreFoundInPlace) {
  const auto canvas = test::make_canvas(1);
  const SceneMatch match = find(learned(test::crop(canvas)), test::noisy(test::crop(canvas), 5, 2));
  EXPECT_EQ(match.tiles, 9);
  EXPECT_EQ(match.in_place, 9);
  EXPECT_NEAR(match.shift, 0, 0.002);
  EXPECT_GT(match.similarity, 0.9);
}

// Compares with exact crops: a camera that turns to the right sees the scene further left.
TEST(SceneEdges, ShiftsAreMeasuredInPixels) {
  const auto canvas = test::make_canvas(3);
  const SceneEdges scene = learned(test::crop(canvas));
  for (const auto &[x, y] : {std::pair{1, 0}, {2, 1}, {5, 0}, {0, -5}, {10, 10}, {-20, 6}, {30, 0}}) {
    const SceneMatch match = find(scene, test::crop(canvas, x, y));
    EXPECT_NEAR(match.shift_x * test::side, -x, 0.6) << x << ", " << y;
    EXPECT_NEAR(match.shift_y * test::side, -y, 0.6) << x << ", " << y;
    EXPECT_GE(match.agreeing, 5) << x << ", " << y;
  }
}

TEST(SceneEdges, LightDoesNotMoveThem) {
  const auto canvas = test::make_canvas(4);
  const SceneEdges scene = learned(test::crop(canvas));
  for (const auto &[gain, offset] : {std::pair{0.4, 0.0}, {1.3, 0.0}, {0.5, 100.0}, {-0.6, 230.0}}) {
    const SceneMatch match = find(scene, test::brighter(test::crop(canvas), gain, offset));
    EXPECT_EQ(match.in_place, 9) << gain;
    EXPECT_NEAR(match.shift, 0, 0.003) << gain;
  }
}

TEST(SceneEdges, OfAnotherSceneAreNotFound) {
  const SceneEdges scene = learned(test::crop(test::make_canvas(5)));
  const SceneMatch match = find(scene, test::crop(test::make_canvas(6)));
  EXPECT_EQ(match.in_place, 0);
  EXPECT_LE(match.agreeing, 3);
}

TEST(SceneEdges, APictureWithoutAnyIsNotJudged) {
  EXPECT_FALSE(find(learned(test::uniform(90)), test::crop(test::make_canvas(7))).judged());
}

TEST(SceneEdges, APictureOfOneColorHasNone) {
  const SceneMatch match = find(learned(test::crop(test::make_canvas(8))), test::uniform(90));
  EXPECT_TRUE(match.judged());
  EXPECT_EQ(match.found, 0);
}

// A conveyor belt: parts that vary do not count, parts that do not move do.
TEST(SceneEdges, WhatVariesCountsLess) {
  const auto canvas = test::make_canvas(9);
  GrayPicture deviation = test::uniform(0);
  GrayPicture other = test::crop(canvas);
  const GrayPicture belt = test::crop(test::make_canvas(10));
  for (int y = 0; y < test::side; ++y) {
    for (int x = 20; x < 60; ++x) {
      const auto pixel = static_cast<std::size_t>(y * test::side + x);
      deviation.values[pixel] = 60;
      other.values[pixel] = belt.values[pixel];
    }
  }
  const SceneEdges steady(at_scene_side(test::crop(canvas)), at_scene_side(deviation));
  EXPECT_GT(find(steady, other).in_place, find(learned(test::crop(canvas)), other).in_place);
}

}  // namespace
}  // namespace uniad
