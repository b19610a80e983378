// SPDX-License-Identifier: Apache-2.0
#include "model/engine/live_learning.h"

#include <gtest/gtest.h>

#include <random>

namespace uniad {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::int64_t rows = 4;
constexpr std::int64_t columns = 4;

// A frame of noise, in 4 channels.
Tokens frame() {
  static std::mt19937 random(1);
  std::normal_distribution<float> noise;
  Tokens tokens;
  for (std::int64_t i = 0; i < rows * columns * 4; ++i) tokens.features.push_back(noise(random));
  return tokens;
}

LiveLearning learning_of(std::int64_t frames, nanoseconds time, double frame_rate) {
  LearnOptions options;
  options.source = "a";
  options.frames = frames;
  options.time = time;
  options.frame_rate = frame_rate;
  return LiveLearning(options, {}, {}, rows, columns);
}

TEST(LiveLearning, TenSecondsAreTheFramesOfTenSecondsAtAnyRate) {
  for (const int rate : {1, 25, 90}) {
    LiveLearning learning = learning_of(0, seconds(10), 0);
    const nanoseconds step = nanoseconds(seconds(1)) / rate;
    int frames = 0;
    for (; !learning.complete(); ++frames) learning.add(frame(), {}, frames * step);
    EXPECT_EQ(frames, 10 * rate);
    EXPECT_NEAR(learning.progress().share(), 1, 1e-6);
    // Every fold has held out frames, so there is a threshold.
    EXPECT_TRUE(learning.finish(ScoreKind::Max, {}).learning.normal.has_value()) << rate;
  }
}

TEST(LiveLearning, WithFramesAndTimeBothAreReached) {
  LiveLearning few_frames = learning_of(5, seconds(10), 1);
  int frames = 0;
  for (; !few_frames.complete(); ++frames) few_frames.add(frame(), {}, seconds(frames));
  EXPECT_EQ(frames, 10);
  LiveLearning short_time = learning_of(50, seconds(10), 1);
  for (frames = 0; !short_time.complete(); ++frames) short_time.add(frame(), {}, seconds(frames));
  EXPECT_EQ(frames, 50);
}

ThresholdRule one_alarm_an_hour() {
  ThresholdRule rule;
  rule.false_alarms_per_hour = 1;
  return rule;
}

bool mentions(const LearningProgress &learning, const std::string &words) {
  return std::any_of(learning.warnings.begin(), learning.warnings.end(),
                     [&](const std::string &warning) { return warning.find(words) != std::string::npos; });
}

TEST(LiveLearning, TheFrameRateIsThatOfTheFramesTimesWhateverTheStreamSays) {
  for (const double stated : {0.0, 90.0}) {
    LiveLearning learning = learning_of(100, {}, stated);
    for (int i = 0; i < 100; ++i) learning.add(frame(), {}, i * milliseconds(80));
    const auto outcome = learning.finish(ScoreKind::Max, one_alarm_an_hour());
    ASSERT_TRUE(outcome.learning.normal->tail.has_value());
    EXPECT_NEAR(outcome.learning.normal->tail->frame_rate, 12.5, 1e-6);
    EXPECT_FALSE(mentions(outcome.learning, "no frame rate"));
  }
}

TEST(LiveLearning, WithoutAnyFrameRateItSaysThatTheThresholdIsNotByTheRule) {
  LiveLearning learning = learning_of(100, {}, 0);
  for (int i = 0; i < 100; ++i) learning.add(frame(), {}, std::nullopt);
  EXPECT_TRUE(mentions(learning.finish(ScoreKind::Max, one_alarm_an_hour()).learning, "no frame rate"));
}

TEST(LiveLearning, AMomentOrAPictureThatStandsStillIsSaid) {
  const Tokens still = frame();
  for (const bool moves : {false, true}) {
    for (const int step : {25, 125}) {  // milliseconds, for 100 frames
      LiveLearning learning = learning_of(100, {}, 0);
      for (int i = 0; i < 100; ++i) learning.add(moves ? frame() : still, {}, i * milliseconds(step));
      const LearningProgress told = learning.finish(ScoreKind::Max, {}).learning;
      EXPECT_EQ(mentions(told, "cover only 2.5 s"), step == 25);
      EXPECT_EQ(mentions(told, "stands still"), !moves);
    }
  }
}

TEST(CoveredTime, AJumpOfTheStreamIsNoTime) {
  CoveredTime time;
  for (const int at : {0, 40, 80}) time.add(milliseconds(at));
  EXPECT_EQ(time.covered(), milliseconds(120));
  time.add(milliseconds(10));  // backwards
  EXPECT_EQ(time.covered(), milliseconds(160));
  time.add(std::nullopt);
  EXPECT_EQ(time.covered(), milliseconds(200));
  time.add(seconds(3600));
  EXPECT_EQ(time.covered(), milliseconds(240));
}

// 30 frames per second, and a gap of each length after each number of frames.
TEST(CoveredTime, ACameraThatStallsIsNotLearnedFromMeanwhile) {
  const milliseconds step(33);
  for (const int before : {1, 2, 6, 50}) {
    for (const auto gap : {seconds(1), seconds(14), seconds(1000)}) {
      CoveredTime time;
      for (int i = 0; i < 100; ++i) {
        time.add(i * step + (i < before ? seconds(0) : gap));
        EXPECT_FALSE(time.reaches(milliseconds(3600))) << before << " frames, " << gap.count() << " s, " << i;
      }
      EXPECT_EQ(time.covered(), 100 * step) << before << " frames before a gap of " << gap.count() << " s";
    }
  }
}

TEST(CoveredTime, AStreamMayComeToAnotherPace) {
  CoveredTime time;
  for (int i = 0; i < 10; ++i) time.add(milliseconds(40 * i));
  for (int i = 0; i < 10; ++i) time.add(seconds(2 + 2 * i));
  EXPECT_GE(time.covered(), seconds(18));
  EXPECT_LE(time.covered(), seconds(21));
}

}  // namespace
}  // namespace uniad
