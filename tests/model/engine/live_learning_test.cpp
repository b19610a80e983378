// SPDX-License-Identifier: Apache-2.0
#include "model/engine/live_learning.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// One frame's features, of noise.
torch::Tensor frame() {
  return torch::randn({1, 4, 4, 4});
}

TEST(LiveLearning, TenSecondsAreTheFramesOfTenSecondsAtAnyRate) {
  for (const int rate : {1, 25, 90}) {
    LiveLearning learning({"a", 0, seconds(10), double(rate)}, {}, {});
    const nanoseconds step = nanoseconds(seconds(1)) / rate;
    int frames = 0;
    for (; !learning.complete(); ++frames) learning.add(frame(), {}, frames * step);
    EXPECT_EQ(frames, 10 * rate);
    EXPECT_NEAR(learning.progress().share(), 1, 1e-6);
    // Each fold held something back: there is a threshold.
    EXPECT_TRUE(learning.finish(ScoreKind::Max, {}).learning.normal.has_value()) << rate;
  }
}

TEST(LiveLearning, WithFramesAndTimeBothAreReached) {
  LiveLearning few_frames({"a", 5, seconds(10), 1}, {}, {});
  int frames = 0;
  for (; !few_frames.complete(); ++frames) few_frames.add(frame(), {}, seconds(frames));
  EXPECT_EQ(frames, 10);
  LiveLearning short_time({"a", 50, seconds(10), 1}, {}, {});
  for (frames = 0; !short_time.complete(); ++frames) short_time.add(frame(), {}, seconds(frames));
  EXPECT_EQ(frames, 50);
}

TEST(CoveredTime, AJumpOfTheStreamIsNoTime) {
  CoveredTime time;
  for (const int at : {0, 40, 80}) time.add(milliseconds(at));
  EXPECT_EQ(time.covered(), milliseconds(120));
  time.add(milliseconds(10));  // back
  EXPECT_EQ(time.covered(), milliseconds(160));
  time.add(std::nullopt);
  EXPECT_EQ(time.covered(), milliseconds(200));
  time.add(seconds(3600));
  EXPECT_LE(time.covered(), seconds(121));
}

}  // namespace
}  // namespace uniad
