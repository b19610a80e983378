// SPDX-License-Identifier: Apache-2.0
#include "model/base/log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace uniad {
namespace {

class Log : public testing::Test {
 protected:
  void TearDown() override { set_log_sink({}); }
};

TEST_F(Log, GoesNowhereUntilThereIsASink) {
  log(LogLevel::Warning, "nobody listens");
  std::vector<std::pair<LogLevel, std::string>> heard;
  set_log_sink([&](LogLevel level, const std::string &message) { heard.emplace_back(level, message); });
  log(LogLevel::Info, "one");
  log(LogLevel::Debug, "two");
  set_log_sink({});
  log(LogLevel::Info, "three");
  EXPECT_EQ(heard, (std::vector<std::pair<LogLevel, std::string>>{{LogLevel::Info, "one"},
                                                                  {LogLevel::Debug, "two"}}));
}

TEST_F(Log, LosesNoMessageOfManyThreads) {
  constexpr int threads = 4, messages = 1000;
  std::atomic<int> heard = 0;
  set_log_sink([&](LogLevel, const std::string &) { ++heard; });
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([] {
        for (int i = 0; i < messages; ++i) log(LogLevel::Debug, "a message");
      });
  }
  EXPECT_EQ(heard, threads * messages);
}

TEST_F(Log, KeepsASinkThatIsReplacedWhileItIsCalled) {
  std::atomic<int> heard = 0;
  set_log_sink([&](LogLevel, const std::string &) {
    std::jthread([&] { set_log_sink({}); }).join();  // another thread replaces the sink in the meantime
    ++heard;
  });
  log(LogLevel::Info, "the last");
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace uniad
