// SPDX-License-Identifier: Apache-2.0
#include "model/health/condition.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

using std::chrono::seconds;

TEST(Condition, HoldsOnceItHasShownForLongEnough) {
  Condition condition;
  for (int second = 0; second < 3; ++second)
    EXPECT_FALSE(condition.update(true, seconds(second), seconds(3), seconds(2))) << second;
  EXPECT_TRUE(condition.update(true, seconds(3), seconds(3), seconds(2)));
}

TEST(Condition, BeginsAnewWhereItIsGoneInBetween) {
  Condition condition;
  condition.update(true, seconds(0), seconds(3), seconds(2));
  condition.update(false, seconds(2), seconds(3), seconds(2));
  EXPECT_FALSE(condition.update(true, seconds(3), seconds(3), seconds(2)));
  EXPECT_FALSE(condition.update(true, seconds(5), seconds(3), seconds(2)));
  EXPECT_TRUE(condition.update(true, seconds(6), seconds(3), seconds(2)));
}

TEST(Condition, EndsOnceItHasBeenGoneForLongEnough) {
  Condition condition;
  condition.update(true, seconds(0), seconds(0), seconds(2));
  EXPECT_TRUE(condition.holds());
  EXPECT_TRUE(condition.update(false, seconds(1), seconds(0), seconds(2)));
  EXPECT_TRUE(condition.update(false, seconds(2), seconds(0), seconds(2)));
  EXPECT_FALSE(condition.update(false, seconds(3), seconds(0), seconds(2)));
}

TEST(Condition, AJumpOfTheStreamDoesNotCountAsTime) {
  Condition condition;
  condition.update(true, seconds(0), seconds(3), seconds(2));
  condition.interrupt();
  EXPECT_FALSE(condition.update(true, seconds(3600), seconds(3), seconds(2)));
  EXPECT_TRUE(condition.update(true, seconds(3603), seconds(3), seconds(2)));
}

}  // namespace
}  // namespace uniad
