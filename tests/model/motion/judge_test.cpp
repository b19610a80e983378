// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/engine/motion_judge.h"
#include "tests/model/motion/scenes.h"

namespace uniad {
namespace {

using test::at_frame;
using test::SquareScene;

// Learned from squares that move 1 pixel a frame, back and forth.
class Motion : public testing::Test {
 protected:
  static std::shared_ptr<const MotionReference> walking(const Zones *zones = nullptr) {
    SquareScene scene;
    MotionJudge judge;
    MotionLearner learner;
    for (int i = 0; i < 1600; ++i) {
      const auto motion = judge.measure(scene.at(place(i), 120), at_frame(i), nullptr, zones);
      if (motion) learner.add(motion->map, motion->step, at_frame(i), i / 80 % MotionLearner::folds);
    }
    return std::make_shared<MotionReference>(learner.finish({}, MotionUse::Auto));
  }

  static double place(int frame) {
    const int there = frame % 400;
    return 40 + (there < 200 ? there : 400 - there);
  }

  // The judgment of the last of 20 frames of a square that moves at this speed.
  static std::optional<MotionJudgment> judged(const std::shared_ptr<const MotionReference> &reference,
                                              double speed, const Zones *zones = nullptr) {
    SquareScene scene;
    MotionJudge judge;
    std::optional<MotionJudgment> judgment;
    for (int i = 0; i < 20; ++i) {
      const auto motion = judge.measure(scene.at(100 + speed * i, 120), at_frame(i), reference.get(), zones);
      judgment = motion ? judge.judge(motion->map, reference, zones) : std::nullopt;
    }
    return judgment;
  }

  static void SetUpTestSuite() { reference_ = walking(); }
  static void TearDownTestSuite() { reference_.reset(); }
  static inline std::shared_ptr<const MotionReference> reference_;
};

TEST_F(Motion, WhoWalksIsNormalAndWhoRunsIsNot) {
  ASSERT_EQ(reason_not_judged(*reference_), "");
  const auto walks = judged(reference_, 1);
  ASSERT_TRUE(walks);
  EXPECT_FALSE(walks->anomalous) << walks->score << " of " << walks->threshold;
  EXPECT_TRUE(walks->parts.front().regions.empty());
  const auto runs = judged(reference_, 5);
  ASSERT_TRUE(runs);
  EXPECT_TRUE(runs->anomalous) << runs->score << " of " << runs->threshold;
}

TEST_F(Motion, TheRegionFollowsWhatMoves) {
  const auto runs = judged(reference_, 5);
  ASSERT_TRUE(runs && !runs->parts.front().regions.empty());
  const Region &region = runs->parts.front().regions.front();
  // The square is at 195 to 235 of 360, and 120 to 160 of 240; it came from the left within 0.2 s.
  const double middle = region.x + region.width / 2;
  EXPECT_GT(middle, 150.0 / 360);
  EXPECT_LT(middle, 240.0 / 360);
  EXPECT_GT(region.y + region.height, 140.0 / 240);
  EXPECT_LT(region.y, 140.0 / 240);
  EXPECT_LT(region.width, 0.45);
  EXPECT_LT(region.height, 0.4);
}

TEST_F(Motion, IgnoredZonesHideIt) {
  Zones zones;
  zones.zones.push_back({"belt", ZoneKind::Ignore, {{0, 0.3}, {1, 0.3}, {1, 0.85}, {0, 0.85}}, {}, {}});
  const auto runs = judged(reference_, 5, &zones);
  ASSERT_TRUE(runs);
  EXPECT_LT(runs->score, 0.1);
}

TEST_F(Motion, WatchZonesAreJudgedApart) {
  Zones zones;
  zones.zones.push_back({"here", ZoneKind::Watch, {{0.3, 0.3}, {0.9, 0.3}, {0.9, 0.9}, {0.3, 0.9}}, {}, 2});
  zones.zones.push_back({"there", ZoneKind::Watch, {{0, 0}, {1, 0}, {1, 0.2}, {0, 0.2}}, {}, {}});
  const auto runs = judged(reference_, 5, &zones);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->parts.size(), 2U);
  EXPECT_TRUE(runs->parts[0].anomalous);
  EXPECT_EQ(runs->parts[0].regions.front().zone, "here");
  EXPECT_DOUBLE_EQ(*runs->parts[0].threshold, runs->threshold / 2);
  EXPECT_FALSE(runs->parts[1].anomalous);
}

TEST_F(Motion, AnotherShapeIsNotJudged) {
  SquareScene scene;
  MotionJudge judge;
  for (int i = 0; i < 4; ++i) {
    FrameView frame = scene.at(100, 120);
    frame.height = 120;
    const auto motion = judge.measure(frame, at_frame(i), reference_.get(), nullptr);
    EXPECT_FALSE(motion && judge.judge(motion->map, reference_, nullptr));
  }
  EXPECT_FALSE(judge.judge({}, nullptr, nullptr));
}

TEST_F(Motion, AFrozenOrStutteringStreamIsStill) {
  SquareScene scene;
  MotionJudge judge;
  double highest = 0;
  for (int i = 0; i < 100; ++i) {  // five new frames a second in a stream of 25
    const auto motion =
        judge.measure(scene.at(place(i / 5 * 5), 120), at_frame(i), reference_.get(), nullptr);
    const auto judgment = motion ? judge.judge(motion->map, reference_, nullptr) : std::nullopt;
    if (judgment) highest = std::max(highest, judgment->score / judgment->threshold);
  }
  EXPECT_LT(highest, 1);
}

}  // namespace
}  // namespace uniad
