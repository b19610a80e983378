// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/publisher.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/publish/result_queue.h"

namespace uniad::test {
namespace {

using Kind = PublisherReport::Kind;
using Lines = std::vector<std::string>;

PublishedResult frame(const std::string &name) {
  return {nullptr, false, false, name};
}

PublishedResult event(const std::string &name) {
  return {nullptr, true, true, name};
}

Lines lines_of(const std::vector<PublishedResult> &results) {
  Lines lines;
  for (const auto &result : results) lines.push_back(result.line);
  return lines;
}

TEST(ResultQueue, KeepsTheOrder) {
  ResultQueue queue(10);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(queue.push(i % 3 == 1 ? event(std::to_string(i)) : frame(std::to_string(i))), 0U);
  EXPECT_EQ(lines_of(queue.take(4)), (Lines{"0", "1", "2", "3"}));
  EXPECT_EQ(queue.settle({}), 0U);
  EXPECT_EQ(lines_of(queue.take(4)), (Lines{"4", "5"}));
}

TEST(ResultQueue, DropsTheOldestFrameAndEventsLast) {
  ResultQueue queue(3);
  for (const PublishedResult &result : {event("a"), frame("1"), event("b")})
    EXPECT_EQ(queue.push(result), 0U);
  EXPECT_EQ(queue.push(frame("2")), 1U);
  EXPECT_EQ(queue.push(event("c")), 1U);
  EXPECT_EQ(queue.push(event("d")), 1U);
  EXPECT_EQ(queue.push(frame("3")), 1U);
  EXPECT_EQ(lines_of(queue.take(9)), (Lines{"b", "c", "d"}));
}

TEST(ResultQueue, WhatComesBackIsTheOldest) {
  ResultQueue queue(4);
  for (const PublishedResult &result : {frame("1"), event("a"), frame("2"), frame("3")}) queue.push(result);
  auto taken = queue.take(3);
  EXPECT_EQ(queue.size(), 4U);
  taken.erase(taken.begin());
  EXPECT_EQ(queue.settle(std::move(taken)), 0U);
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(lines_of(queue.take(9)), (Lines{"a", "2", "3"}));
}

// Regression test: while a delivery was under way, new results were dropped instead of those in it.
TEST(ResultQueue, TheNewestAreKeptAlsoIfADeliveryFailsAfterALongTime) {
  ResultQueue queue(4);
  for (const PublishedResult &result : {frame("1"), event("a"), frame("2"), frame("3")}) queue.push(result);
  auto taken = queue.take(3);
  for (const char *line : {"4", "5", "6"}) EXPECT_EQ(queue.push(frame(line)), 0U);
  EXPECT_EQ(queue.push(frame("7")), 1U);  // 3
  taken.erase(taken.begin());
  EXPECT_EQ(queue.settle(std::move(taken)), 2U);  // 2 and 4
  EXPECT_EQ(lines_of(queue.take(9)), (Lines{"a", "5", "6", "7"}));
}

TEST(ResultQueue, WhatIsHeldIsNeitherDroppedNorHandedOutAgain) {
  ResultQueue queue(2);
  for (const char *line : {"1", "2"}) queue.push(frame(line));
  auto taken = queue.take(9);
  for (const char *line : {"3", "4"}) queue.push(frame(line));
  taken.erase(taken.begin());  // 1 is held; 2 goes back, and is dropped
  EXPECT_EQ(queue.settle(std::move(taken), 1), 1U);
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(lines_of(queue.take(9)), (Lines{"3", "4"}));
  EXPECT_EQ(queue.settle({}), 0U);
  EXPECT_TRUE(queue.empty());
}

TEST(BackOff, PausesDoubleUpToFourSecondsAndVary) {
  BackOff back_off;
  for (const int longest : {125, 250, 500, 1000, 2000, 4000, 4000, 4000}) {
    const auto pause = back_off.next().count();
    EXPECT_GE(pause, longest / 2 - 1);
    EXPECT_LE(pause, longest);
  }
  back_off.reset();
  EXPECT_LE(back_off.next().count(), 125);
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 20; ++i) pauses.push_back(back_off.next().count());
  EXPECT_GT(std::set<std::int64_t>(pauses.begin() + 6, pauses.end()).size(), 1U);
}

// A receiver that the test makes fail, refuse or hang.
struct Receiver {
  std::mutex mutex;  // guards the following members
  std::condition_variable changed;
  Lines lines;
  bool fails = false;
  bool holds = false;  // the first result of those that it does not take
  bool refuses = false;
  bool hangs = false;
  bool has_frames = false;
  bool closed = false;
  std::vector<std::pair<Kind, std::uint64_t>> reports;

  void set(bool Receiver::*member, bool value) {
    const std::lock_guard lock(mutex);
    this->*member = value;
    changed.notify_all();
  }
  void wait_for(const std::function<bool()> &condition) {
    std::unique_lock lock(mutex);
    changed.wait(lock, condition);
  }
};

class FakeSink : public Sink {
 public:
  explicit FakeSink(std::shared_ptr<Receiver> receiver) : receiver_(std::move(receiver)) {}
  std::string name() const override { return "fake"; }
  Delivery deliver(std::span<const PublishedResult> results, const std::stop_token & /*stop*/) override {
    Delivery delivery;
    if (results.empty()) return delivery;
    std::unique_lock lock(receiver_->mutex);
    receiver_->has_frames = true;
    receiver_->changed.notify_all();
    receiver_->changed.wait(lock, [this] { return !receiver_->hangs; });
    if (receiver_->fails) {
      delivery.failure = Failure{"it fails", "repair it"};
      delivery.held = receiver_->holds ? 1 : 0;
      return delivery;
    }
    delivery.done = results.size();
    if (receiver_->refuses) {
      delivery.refused = results.size();
      delivery.refusal = "it is too long";
      return delivery;
    }
    for (const auto &result : results) receiver_->lines.push_back(result.line);
    receiver_->changed.notify_all();
    return delivery;
  }
  void close() override { receiver_->set(&Receiver::closed, true); }

 private:
  std::shared_ptr<Receiver> receiver_;
};

class PublisherTest : public testing::Test {
 protected:
  void start(std::size_t queue_size) {
    publisher_ = std::make_unique<Publisher>(std::make_unique<FakeSink>(receiver_), queue_size, figures_,
                                             [this](const PublisherReport &report) {
                                               const std::lock_guard lock(receiver_->mutex);
                                               receiver_->reports.emplace_back(report.kind, report.lost);
                                               receiver_->changed.notify_all();
                                             });
  }

  void wait_for_reports(std::size_t count) const {
    receiver_->wait_for([&] { return receiver_->reports.size() == count; });
  }

  std::shared_ptr<Receiver> receiver_ = std::make_shared<Receiver>();
  std::shared_ptr<PublisherFigures> figures_ = std::make_shared<PublisherFigures>();
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, DeliversInOrderAndCloses) {
  start(1000);
  Lines expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back(std::to_string(i));
    publisher_->add(i % 7 == 0 ? event(expected.back()) : frame(expected.back()));
  }
  publisher_->drain(std::chrono::hours(1));
  EXPECT_EQ(figures_->queued, 0U);
  publisher_.reset();
  EXPECT_EQ(receiver_->lines, expected);
  EXPECT_TRUE(receiver_->closed);
  EXPECT_EQ(figures_->lost, 0U);
  EXPECT_EQ(receiver_->reports.size(), 0U);
}

TEST_F(PublisherTest, AnOutageIsReportedWhenItBeginsAndWhenItEnds) {
  receiver_->fails = true;
  start(4);
  publisher_->add(frame("1"));
  wait_for_reports(1);
  for (const auto &result : {event("a"), frame("2"), event("b"), frame("3"), frame("4")})
    publisher_->add(result);
  receiver_->set(&Receiver::fails, false);
  wait_for_reports(2);
  EXPECT_EQ(receiver_->reports,
            (std::vector<std::pair<Kind, std::uint64_t>>{{Kind::failing, 0}, {Kind::resumed, 2}}));
  publisher_->drain(std::chrono::hours(1));
  EXPECT_EQ(receiver_->lines, (Lines{"a", "b", "3", "4"}));
  EXPECT_EQ(figures_->lost, 2U);
  receiver_->set(&Receiver::fails, true);
  publisher_->add(frame("5"));
  wait_for_reports(3);
  publisher_->drain(std::chrono::nanoseconds(0));
  publisher_.reset();
  EXPECT_EQ(receiver_->reports.back(), std::pair(Kind::stopped, std::uint64_t{1}));
  EXPECT_EQ(figures_->lost, 3U);
}

TEST_F(PublisherTest, WhatTheSinkHoldsIsDeliveredFirstAndNotDropped) {
  receiver_->fails = receiver_->holds = true;
  start(2);
  publisher_->add(frame("1"));
  wait_for_reports(1);
  for (const char *line : {"2", "3", "4"}) publisher_->add(frame(line));
  EXPECT_GE(figures_->queued, 3U);
  receiver_->set(&Receiver::fails, false);
  publisher_->drain(std::chrono::hours(1));
  EXPECT_EQ(receiver_->lines, (Lines{"1", "3", "4"}));
  EXPECT_EQ(figures_->lost, 1U);
}

TEST_F(PublisherTest, WhatTheSinkHoldsAtTheStopIsLost) {
  receiver_->fails = receiver_->holds = true;
  start(2);
  publisher_->add(frame("1"));
  wait_for_reports(1);
  publisher_.reset();
  EXPECT_EQ(figures_->lost, 1U);
  EXPECT_EQ(figures_->queued, 0U);
}

TEST_F(PublisherTest, ASinkThatIsTooSlowIsReported) {
  receiver_->hangs = true;
  start(4);
  publisher_->add(frame("being delivered"));
  receiver_->wait_for([this] { return receiver_->has_frames; });
  for (int i = 0; i < 10; ++i) publisher_->add(frame(std::to_string(i)));
  EXPECT_EQ(figures_->lost, 6U);
  receiver_->set(&Receiver::hangs, false);
  wait_for_reports(2);
  EXPECT_EQ(receiver_->reports,
            (std::vector<std::pair<Kind, std::uint64_t>>{{Kind::too_slow, 0}, {Kind::resumed, 6}}));
}

TEST_F(PublisherTest, WhatIsRefusedIsLostAndHoldsUpNothing) {
  receiver_->refuses = true;
  start(4);
  publisher_->add(frame("1"));
  wait_for_reports(1);
  publisher_->drain(std::chrono::hours(1));
  EXPECT_EQ(figures_->lost, 1U);
  receiver_->set(&Receiver::refuses, false);
  publisher_->add(frame("2"));
  publisher_->drain(std::chrono::hours(1));
  EXPECT_EQ(receiver_->lines, Lines{"2"});
  EXPECT_EQ(receiver_->reports, (std::vector<std::pair<Kind, std::uint64_t>>{{Kind::refused, 1}}));
}

TEST_F(PublisherTest, ASinkThatHangsIsAbandoned) {
  receiver_->hangs = true;
  start(4);
  publisher_->add(frame("1"));
  receiver_->wait_for([this] { return receiver_->has_frames; });
  publisher_.reset();
  EXPECT_EQ(figures_->lost, 1U);
  EXPECT_FALSE(receiver_->closed);
  receiver_->set(&Receiver::hangs, false);
  receiver_->wait_for([this] { return receiver_->closed; });
}

}  // namespace
}  // namespace uniad::test
