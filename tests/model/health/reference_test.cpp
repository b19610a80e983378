// SPDX-License-Identifier: Apache-2.0
#include "model/health/reference.h"

#include <gtest/gtest.h>

#include "model/health/scene_edges.h"
#include "tests/model/health/scenes.h"

namespace uniad {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ReferenceLearner, TakesMeanAndDeviationOfPixels) {
  const GrayPicture scene = test::crop(test::make_canvas(1));
  ReferenceLearner learner;
  for (int i = 0; i < 40; ++i) learner.add(test::brighter(scene, 1, i % 2 == 0 ? 10 : -10), std::nullopt);
  const HealthReference reference = learner.finish();
  ASSERT_EQ(reference.looks.size(), 1);
  const SceneLook &look = reference.looks.front();
  EXPECT_EQ(look.pictures, 40);
  const LumaPlane expected = reduce(scene, scene_side, scene_side);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    EXPECT_NEAR(look.mean.values[i], expected.values[i], 1) << i;
    if (HasFailure()) break;
  }
  for (const std::uint8_t deviation : look.deviation.values) EXPECT_NEAR(deviation, 10, 1);
  EXPECT_FALSE(reference.stillest);  // no picture had a time
}

TEST(ReferenceLearner, DayAndNightAreTwoLooks) {
  const GrayPicture day = test::crop(test::make_canvas(2));
  const GrayPicture night = test::crop(test::make_canvas(3));
  ReferenceLearner learner;
  for (int i = 0; i < 60; ++i)
    learner.add(test::noisy(i < 40 ? day : night, 3, static_cast<unsigned>(i)), {});
  const HealthReference reference = learner.finish();
  ASSERT_EQ(reference.looks.size(), 2);
  EXPECT_EQ(reference.looks[0].pictures, 40);
  EXPECT_EQ(reference.looks[1].pictures, 20);
}

TEST(ReferenceLearner, WhatIsSeenForAMomentIsNoLook) {
  const GrayPicture scene = test::crop(test::make_canvas(2));
  ReferenceLearner learner;
  for (int i = 0; i < 60; ++i) learner.add(i == 30 ? test::crop(test::make_canvas(9)) : scene, {});
  EXPECT_EQ(learner.finish().looks.size(), 1);
}

// Noise of one level for 30 s, with a person during the first 5 s: the stillest ten seconds contain only
// noise.
TEST(ReferenceLearner, FindsTheStillestTenSeconds) {
  const GrayPicture scene = test::crop(test::make_canvas(4));
  ReferenceLearner learner;
  for (int i = 0; i < 300; ++i) {
    const GrayPicture seen = i < 50 ? test::with_person(scene, 4 * i) : scene;
    learner.add(test::noisy(seen, 1, static_cast<unsigned>(i)), milliseconds(100) * i);
  }
  const HealthReference reference = learner.finish();
  ASSERT_TRUE(reference.stillest);
  EXPECT_GT(*reference.stillest,
            0.8);  // the mean of |a - b| is 2 / sqrt(pi) = 1.13; the maximum of 196 blocks
  EXPECT_LT(*reference.stillest, 2);
}

TEST(ReferenceLearner, RemembersHowLightChanges) {
  const GrayPicture scene = test::crop(test::make_canvas(5));
  ReferenceLearner learner;
  for (int i = 0; i < 100; ++i)
    learner.add(i < 50 ? scene : test::brighter(scene, 0.5), milliseconds(100) * i);
  EXPECT_NEAR(learner.finish().jump, 0.65, 0.06);  // ln 2, minus the allowance for noise in the dark
}

TEST(HealthReference, LearnedTwiceIsOneLook) {
  const GrayPicture scene = test::crop(test::make_canvas(6));
  ReferenceLearner first;
  ReferenceLearner second;
  for (unsigned i = 0; i < 30; ++i) first.add(test::noisy(scene, 2, i), {});
  for (unsigned i = 0; i < 10; ++i) second.add(test::brighter(test::noisy(scene, 2, 100 + i), 1, 20), {});
  const HealthReference both = merge(first.finish(), second.finish());
  ASSERT_EQ(both.looks.size(), 1);
  EXPECT_EQ(both.looks.front().pictures, 40);
  EXPECT_NEAR(both.looks.front().mean.values.front(), first.finish().looks.front().mean.values.front() + 5,
              1);
}

TEST(HealthReference, KeepsTheThreeMostFrequentLooks) {
  HealthReference all;
  for (unsigned seed = 20; seed < 25; ++seed) {
    ReferenceLearner learner;
    for (unsigned i = 0; i < seed; ++i) learner.add(test::crop(test::make_canvas(seed)), {});
    all = merge(std::move(all), learner.finish());
  }
  ASSERT_EQ(all.looks.size(), HealthReference::most_looks);
  EXPECT_EQ(all.looks.front().pictures, 24);
  EXPECT_EQ(all.looks.back().pictures, 22);
}

TEST(HealthReference, GivesTheMeanPicture) {
  ReferenceLearner learner;
  learner.add(test::uniform(77), {});
  const GrayPicture picture = mean_picture(learner.finish(), 320, 256);
  EXPECT_EQ(picture.width, 320);
  EXPECT_EQ(picture.height, 256);
  EXPECT_EQ(picture.values, std::vector<std::uint8_t>(std::size_t{320} * 256, 77));
  EXPECT_TRUE(mean_picture({}, 320, 256).empty());
}

}  // namespace
}  // namespace uniad
