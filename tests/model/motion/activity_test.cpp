// SPDX-License-Identifier: Apache-2.0
#include "model/motion/activity.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "model/base/error.h"
#include "model/file/motion_file.h"
#include "model/motion/motion_reference.h"
#include "tests/model/motion/scenes.h"

namespace uniad {
namespace {

using test::at_frame;

constexpr int rate = 10;
constexpr float fast = 1;
constexpr float noise = 0.02F;

using Schedule = std::function<bool(int frame)>;  // whether the block moves

bool always(int /*frame*/) {
  return true;
}
// 3 s of work, 2 s of rest.
bool press(int frame) {
  return frame % 50 < 30;
}
// Passers-by: 2 s of motion, then 4, 10, 2, 18 or 6 s without any.
bool walkway(int frame) {
  constexpr int gaps[] = {40, 100, 20, 180, 60};
  for (int passer_by = 0; frame >= 0; ++passer_by) {
    if (frame < 20) return true;
    frame -= 20 + gaps[passer_by % 5];
  }
  return false;
}

// The left half moves by the schedule, the right half is still but for noise.
MotionMap map_at(int frame, const Schedule &moves) {
  MotionMap map{8, 4, std::vector<float>(32, noise)};
  for (std::size_t i = 0; i < map.size(); ++i)
    if (i % 8 < 4 && moves(frame)) map.speeds[i] = fast;
  return map;
}

SceneActivity learned(int seconds, const Schedule &moves) {
  ActivityLearner learner;
  for (int i = 0; i <= seconds * rate; ++i) learner.add(map_at(i, moves), at_frame(i, rate));
  return learner.learned();
}

TEST(Activity, CountsMotionAndStops) {
  const SceneActivity activity = learned(200, press);
  ASSERT_EQ(activity.width, 2);
  ASSERT_EQ(activity.height, 1);
  const BlockActivity &left = activity.blocks[0];
  EXPECT_NEAR(left.watched, 200, 1e-6);
  EXPECT_NEAR(left.moving, 0.6 * 200, 0.2);
  EXPECT_EQ(left.stops, 40);
  EXPECT_NEAR(left.stop_seconds, 40 * 2.1, 1e-6) << "from the last frame that moves to the next";
  EXPECT_NEAR(left.longest_stop, 2.1, 1e-6);
  EXPECT_EQ(activity.blocks[1].moving, 0);
  EXPECT_EQ(activity.blocks[1].stops, 0);
}

TEST(Activity, OnlyStopsOfWhatAlwaysMovesSayAnything) {
  const auto limits = [](int seconds, const Schedule &moves) {
    const SceneActivity activity = learned(seconds, moves);
    return std::pair{longest_normal_stop(activity.blocks[0]), longest_normal_stop(activity.blocks[1])};
  };
  EXPECT_EQ(limits(61, always), (std::pair{std::optional(5.0), std::optional<double>()}));
  EXPECT_FALSE(limits(59, always).first) << "too short";
  ASSERT_TRUE(limits(200, press).first);
  EXPECT_NEAR(*limits(200, press).first, 3 * 2.1, 1e-6);
  EXPECT_FALSE(limits(90, press).first) << "18 cycles";
  EXPECT_FALSE(limits(3600, walkway).first);
}

TEST(Activity, ThePartsTogetherAreTheWhole) {
  SceneActivity both = learned(100, press);
  const SceneActivity second = learned(300, press);
  EXPECT_TRUE(both.add(second));
  EXPECT_EQ(both.blocks[0].stops, 80);
  EXPECT_NEAR(both.blocks[0].watched, 400, 1e-6);
  SceneActivity other{3, 1, std::vector<BlockActivity>(3)};
  EXPECT_FALSE(both.add(other));
  EXPECT_EQ(both.width, 2);
  SceneActivity none;
  EXPECT_TRUE(none.add(second));
  EXPECT_EQ(none, second);
}

TEST(StopClock, TellsHowLongNothingHasMoved) {
  StopClock clock;
  for (int i = 0; i <= 30; ++i) clock.add(map_at(i, always), at_frame(i, rate));
  const auto still = [](int /*frame*/) { return false; };
  for (int i = 31; i <= 50; ++i) clock.add(map_at(i, still), at_frame(i, rate));
  const auto blocks = clock.add(map_at(51, still), at_frame(51, rate));
  EXPECT_NEAR(blocks[0].stopped, 2.1, 1e-6);
  EXPECT_NEAR(blocks[1].stopped, 5.1, 1e-6) << "it never moved";
  EXPECT_FALSE(blocks[0].moves);
}

TEST(StopClock, DoesNotCountRepeatedPicturesAndJumps) {
  StopClock clock;
  const auto still = [](int /*frame*/) { return false; };
  const auto stopped_at = [&](int frame, const MotionMap &map) {
    return clock.add(map, at_frame(frame, rate))[0].stopped;
  };
  MotionMap repeated = map_at(0, still);
  repeated.speeds.assign(repeated.size(), 0);
  EXPECT_EQ(stopped_at(0, map_at(0, still)), 0);
  EXPECT_NEAR(stopped_at(5, map_at(5, still)), 0.5, 1e-6);
  for (int i = 6; i < 100; ++i) EXPECT_NEAR(stopped_at(i, repeated), 0.5, 1e-6);
  EXPECT_NEAR(stopped_at(100, map_at(100, still)), 0.6, 1e-6);
  EXPECT_EQ(stopped_at(200, map_at(200, still)), 0) << "10 s are missing";
  EXPECT_EQ(stopped_at(10, map_at(10, still)), 0) << "time went back";
}

TEST(StopClock, LeavesIgnoredBlocksOut) {
  StopClock clock;
  MotionMap map = map_at(0, always);
  for (std::size_t i = 0; i < map.size(); ++i)
    if (i % 8 < 4) map.speeds[i] = -1;
  EXPECT_FALSE(clock.add(map, at_frame(0))[0].is_kept);
  map.speeds[0] = 0.01F;
  EXPECT_TRUE(clock.add(map, at_frame(1))[0].is_kept) << "one cell is";
}

TEST(Activity, IsStoredInTheModel) {
  MotionLearner learner;
  for (int i = 0; i < 100; ++i)
    learner.add(map_at(i, press), std::chrono::milliseconds(100), at_frame(i, rate), 0);
  const MotionReference reference = learner.finish({}, MotionUse::Auto);
  EXPECT_EQ(reference.activity.blocks[0].stops, 1);
  const auto stored = [&] {
    TensorFile content;
    store_motion({{"press", reference}}, content);
    return content;
  };
  TensorFile whole = stored();
  EXPECT_EQ(take_motion(whole, "model").at("press").activity, reference.activity);
  TensorFile older = stored();
  older.tensors.erase("motion.0.activity");
  EXPECT_TRUE(take_motion(older, "model").at("press").activity.empty());
  for (const auto &[named, damage] : std::vector<std::pair<std::string, std::function<void(StoredTensor &)>>>{
           {"not the activity",
            [](StoredTensor &tensor) {
              tensor.shape = {1, 4, 3};
            }},
           {"outside their range", [](StoredTensor &tensor) { tensor.bytes[7] = std::byte{0xff}; }}}) {
    TensorFile damaged = stored();
    damage(damaged.tensors.at("motion.0.activity"));
    try {
      take_motion(damaged, "model");
      ADD_FAILURE() << named;
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace uniad
