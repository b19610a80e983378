// SPDX-License-Identifier: Apache-2.0
#include "training/base/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace uniad {
namespace {

// Work that waits forever and does not check interrupted().
TEST(InterruptsDeathTest, EndWhatWaitsForEver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const int signal : {SIGTERM, SIGINT})
    EXPECT_EXIT(
        {
          const Progress progress;
          const Interrupts interrupts(progress);
          kill(getpid(), signal);
          for (;;) pause();
        },
        ::testing::ExitedWithCode(1), "uniad: interrupted");
}

TEST(InterruptsDeathTest, LeaveWorkThatEndsItselfAlone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const Progress progress;
        Interrupts interrupts(progress);
        const Interrupts::Patience patience(&interrupts);
        kill(getpid(), SIGTERM);
        sleep(3);  // a step that takes longer than the time limit for blocked work
        _exit(interrupted() ? 7 : 8);
      },
      ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace uniad
