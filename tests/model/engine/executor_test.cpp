// SPDX-License-Identifier: Apache-2.0
#include "model/engine/executor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace uniad {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<int>;

// A batch that ran on the device, in order.
struct Batch {
  char network;
  Numbers pictures;
  bool operator==(const Batch &) const = default;
};

class Device {
 public:
  void add(Batch run) {
    if (busy_.exchange(true)) ++overlaps_;
    const std::lock_guard lock(mutex_);
    runs_.push_back(std::move(run));
  }
  void done() { busy_ = false; }

  std::vector<Batch> runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  int overlaps() const { return overlaps_; }

 private:
  std::atomic<bool> busy_ = false;
  std::atomic<int> overlaps_ = 0;
  mutable std::mutex mutex_;
  std::vector<Batch> runs_;
};

// Pictures are numbers, encoded as the width of their frame. The features of a picture are its number.
class FakeNetwork : public Backend {
 public:
  static constexpr int held = 1000;        // as the first of a batch, keeps the device busy until release()
  static constexpr int unreadable = 2000;  // fails on its own
  static constexpr int broken = 3000;      // as the first of a batch, makes the whole batch fail
  static constexpr int earlier = 4000;     // a picture of a stream from before the test

  FakeNetwork(char name, Device &device) : name_(name), device_(device) {}

  void run(std::span<Picture> pictures) override {
    Numbers numbers;
    for (Picture &picture : pictures) {
      const int number = picture.frame->width;
      numbers.push_back(number);
      picture.tokens->features = {static_cast<float>(number)};
      if (number == unreadable) picture.failure = std::make_exception_ptr(std::runtime_error("unreadable"));
    }
    device_.add({name_, numbers});
    if (numbers.front() == held) {
      entered_.release();
      leave_.acquire();
    }
    device_.done();
    if (numbers.front() == broken) throw std::runtime_error("the device is gone");
  }

  std::string description() const override { return "fake"; }

  void wait_until_held() { entered_.acquire(); }
  void release() { leave_.release(); }

 private:
  char name_;
  Device &device_;
  std::binary_semaphore entered_{0}, leave_{0};
};

// Whether the thread is blocked.
bool sleeps(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string word;
  while (stat >> word && word.back() != ')') {
  }
  return stat >> word && word == "S";
}

// Pictures, and the thread that runs them.
class Job {
 public:
  Job(Executor &executor, Backend &network, const Numbers &numbers, const BatchOptions &batch)
      : frames_(numbers.size()), tokens_(numbers.size()) {
    begin(numbers,
          [this, &executor, &network, batch] { Executor::Stream(executor, network).run(pictures_, batch); });
  }
  Job(Executor::Stream &stream, const Numbers &numbers, const BatchOptions &batch)
      : frames_(numbers.size()), tokens_(numbers.size()) {
    begin(numbers, [this, &stream, batch] { stream.run(pictures_, batch); });
  }

  // Call this only while the device is held, so that the thread cannot be waiting for anything else.
  void wait_until_queued() {
    const pid_t thread = id_.get_future().get();
    while (!sleeps(thread)) std::this_thread::yield();
  }

  // Returns the message of the exception of run(), or the picture that failed or got another one's result, or
  // an empty string.
  std::string error() {
    if (thread_.joinable()) thread_.join();
    if (!error_.empty()) return error_;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const bool own = tokens_[i].features == std::vector{static_cast<float>(frames_[i].width)};
      if (pictures_[i].failure || !own) return "picture " + std::to_string(frames_[i].width);
    }
    return "";
  }

 private:
  void begin(const Numbers &numbers, const std::function<void()> &run) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      frames_[i].width = numbers[i];
      pictures_.push_back({&frames_[i], &tokens_[i], nullptr});
    }
    thread_ = std::jthread([this, run] {
      id_.set_value(gettid());
      try {
        run();
      } catch (const std::exception &error) {
        error_ = error.what();
      }
    });
  }

  std::vector<FrameView> frames_;
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
  std::promise<pid_t> id_;
  std::string error_;
  std::jthread thread_;
};

class ExecutorTest : public testing::Test {
 protected:
  // Starts a job on its own thread. errors() returns the errors by index.
  void start(FakeNetwork &network, const Numbers &numbers, const BatchOptions &batch) {
    jobs_.push_back(std::make_unique<Job>(executor, network, numbers, batch));
  }

  // Starts a job and waits until it is in the queue, behind earlier ones.
  void queue(FakeNetwork &network, const Numbers &numbers, const BatchOptions &batch) {
    start(network, numbers, batch);
    jobs_.back()->wait_until_queued();
  }

  // Blocks the device until release().
  void hold(FakeNetwork &network) {
    holder_ = std::make_unique<Job>(executor, network, Numbers{FakeNetwork::held}, BatchOptions{1, 0ns});
    network.wait_until_held();
  }

  // Returns a stream that has already had pictures, so that batches of the network wait for its next ones.
  std::unique_ptr<Executor::Stream> flowing(FakeNetwork &network) {
    auto stream = std::make_unique<Executor::Stream>(executor, network);
    EXPECT_EQ(Job(*stream, {FakeNetwork::earlier}, {1, 0ns}).error(), "");
    return stream;
  }

  // Waits for all jobs and returns their errors.
  std::vector<std::string> errors() {
    std::vector<std::string> all;
    for (const auto &job : jobs_) all.push_back(job->error());
    EXPECT_EQ(holder_ ? holder_->error() : "", "");
    EXPECT_EQ(device.overlaps(), 0);
    return all;
  }

  void expect_no_errors() { EXPECT_EQ(errors(), std::vector<std::string>(jobs_.size())); }

  // Returns the batches, except those of hold() and flowing().
  std::vector<Batch> runs() const {
    std::vector<Batch> all = device.runs();
    std::erase_if(all, [](const Batch &run) {
      return run.pictures.front() == FakeNetwork::held || run.pictures.front() == FakeNetwork::earlier;
    });
    return all;
  }

  Device device;
  FakeNetwork a{'a', device}, b{'b', device};
  Executor executor;

 private:
  std::unique_ptr<Job> holder_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

TEST_F(ExecutorTest, PicturesThatComeWhileTheDeviceIsBusyFormBatches) {
  hold(a);
  for (int i = 0; i < 10; ++i) queue(a, {i}, {4, 0ns});
  a.release();
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {0, 1, 2, 3}}, {'a', {4, 5, 6, 7}}, {'a', {8, 9}}}));
}

TEST_F(ExecutorTest, PicturesOfOneCallStayTogether) {
  hold(a);
  queue(a, {1, 2, 3}, {4, 0ns});
  queue(a, {4, 5}, {4, 0ns});
  queue(a, {11, 12, 13, 14, 15, 16}, {4, 0ns});
  a.release();
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {1, 2, 3}}, {'a', {4, 5}}, {'a', {11, 12, 13, 14, 15, 16}}}));
}

TEST_F(ExecutorTest, PictureAloneRunsAtOnceWithoutTimeout) {
  start(a, {7}, {8, 0ns});
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {7}}}));
}

TEST_F(ExecutorTest, BatchWaitsForCompanyUntilItIsFull) {
  const auto other = flowing(a);
  for (int i = 0; i < 6; ++i) start(a, {i}, {3, 1h});
  expect_no_errors();
  Numbers seen;
  for (const Batch &run : runs()) {
    EXPECT_EQ(run.pictures.size(), 3U);
    seen.insert(seen.end(), run.pictures.begin(), run.pictures.end());
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (Numbers{0, 1, 2, 3, 4, 5}));
}

TEST_F(ExecutorTest, BatchThatDoesNotFillRunsAfterTheTimeoutAndNotBefore) {
  const auto other = flowing(a);
  const auto begin = std::chrono::steady_clock::now();
  start(a, {1}, {8, 20ms});
  expect_no_errors();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {1}}}));
}

TEST_F(ExecutorTest, BatchSizeZeroIsOne) {
  hold(a);
  for (int i = 0; i < 3; ++i) queue(a, {i}, {0, 0ns});
  a.release();
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {0}}, {'a', {1}}, {'a', {2}}}));
}

TEST_F(ExecutorTest, HugeBatchSizeTakesAllThatWait) {
  hold(a);
  Numbers all;
  for (int i = 0; i < 40; ++i) {
    queue(a, {i}, {10000, 0ns});
    all.push_back(i);
  }
  a.release();
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', all}}));
}

TEST_F(ExecutorTest, CallWithoutPicturesReturns) {
  start(a, {}, {8, 1h});
  expect_no_errors();
  EXPECT_TRUE(runs().empty());
}

TEST_F(ExecutorTest, PictureThatFailsConcernsItsOwnJobAlone) {
  hold(a);
  queue(a, {1}, {4, 0ns});
  queue(a, {FakeNetwork::unreadable}, {4, 0ns});
  queue(a, {2, 3}, {4, 0ns});
  a.release();
  EXPECT_EQ(errors(), (std::vector<std::string>{"", "picture 2000", ""}));
  EXPECT_EQ(runs().size(), 1U);
}

TEST_F(ExecutorTest, DeviceThatFailsFailsItsBatchAndGoesOn) {
  hold(a);
  queue(a, {FakeNetwork::broken}, {3, 0ns});
  queue(a, {2}, {3, 0ns});
  queue(a, {3}, {3, 0ns});
  queue(a, {4}, {3, 0ns});
  a.release();
  const std::string gone = "the device is gone";
  EXPECT_EQ(errors(), (std::vector<std::string>{gone, gone, gone, ""}));
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {FakeNetwork::broken, 2, 3}}, {'a', {4}}}));
}

TEST_F(ExecutorTest, NetworksTakeTurnsByTheirOldestPicture) {
  hold(a);
  queue(a, {1}, {1, 0ns});
  queue(b, {2}, {1, 0ns});
  queue(a, {3}, {1, 0ns});
  queue(b, {4}, {2, 0ns});
  queue(b, {5}, {2, 0ns});
  a.release();
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {1}}, {'b', {2}}, {'a', {3}}, {'b', {4, 5}}}));
}

TEST_F(ExecutorTest, BatchThatWaitsForCompanyHoldsUpNobody) {
  const auto absent = flowing(a);
  hold(a);
  queue(a, {1}, {2, 1h});
  a.release();
  Job other(executor, b, {2}, {2, 0ns});
  EXPECT_EQ(other.error(), "");
  start(a, {3}, {2, 1h});
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'b', {2}}, {'a', {1, 3}}}));
}

// The last frames of streams are judged while other streams have already ended. There are never enough for a
// full batch, and waiting for the timeout would be pointless.
TEST_F(ExecutorTest, ABatchDoesNotWaitWhereNobodyIsLeftToCome) {
  std::vector<std::unique_ptr<Executor::Stream>> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(flowing(a));
  const auto elsewhere = flowing(b);
  const auto never_came = std::make_unique<Executor::Stream>(executor, a);
  while (!streams.empty()) {  // one stream ends per iteration
    std::vector<std::unique_ptr<Job>> jobs;
    for (const auto &stream : streams)
      jobs.push_back(std::make_unique<Job>(*stream, Numbers{1}, BatchOptions{8, 1h}));
    for (const auto &job : jobs) EXPECT_EQ(job->error(), "");
    EXPECT_EQ(runs().back(), (Batch{'a', Numbers(streams.size(), 1)}));
    streams.pop_back();
  }
}

TEST_F(ExecutorTest, ABatchDoesNotWaitForStreamsThatPause) {
  const auto ended = flowing(a);
  const auto seeking = flowing(a);
  hold(a);
  queue(a, {1}, {8, 1h});
  Job before_the_seek(*seeking, {2}, {8, 1h});
  before_the_seek.wait_until_queued();
  a.release();
  ended->pause();
  EXPECT_EQ(before_the_seek.error(), "");
  expect_no_errors();
  EXPECT_EQ(runs(), (std::vector<Batch>{{'a', {1, 2}}}));
}

// Stopping a stream must not wait for pictures of other streams.
TEST_F(ExecutorTest, WhatAPausedStreamHasInTheQueueRunsAtOnce) {
  const auto other = flowing(a);
  const auto stream = flowing(a);
  hold(a);
  Job last(*stream, {1}, {8, 1h});
  last.wait_until_queued();
  a.release();
  stream->pause();
  EXPECT_EQ(last.error(), "");
}

// A stalled camera delays the others by a single timeout, not by one per frame.
TEST_F(ExecutorTest, ABatchWaitsInVainOnce) {
  const auto stalled = flowing(a);
  const auto camera = flowing(a);
  EXPECT_EQ(Job(*camera, {1}, {8, 20ms}).error(), "");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Job(*camera, {2}, {8, 1h}).error(), "");
  // Once it delivers frames again, batches wait for it again.
  EXPECT_EQ(Job(*stalled, {3}, {1, 0ns}).error(), "");
  Job waits(*camera, {4}, {2, 1h});
  EXPECT_EQ(Job(*stalled, {5}, {2, 1h}).error(), "");
  EXPECT_EQ(waits.error(), "");
  Numbers together = runs().back().pictures;
  std::sort(together.begin(), together.end());
  EXPECT_EQ(together, (Numbers{4, 5}));
}

// A network that always has work waiting does not block the only picture of another network.
TEST_F(ExecutorTest, NobodyStarves) {
  std::atomic<bool> stop = false;
  std::vector<std::jthread> busy;
  for (int i = 0; i < 3; ++i)
    busy.emplace_back([&, i] {
      while (!stop) EXPECT_EQ(Job(executor, a, {i}, {1, 0ns}).error(), "");
    });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Job(executor, b, {i}, {1, 0ns}).error(), "");
  stop = true;
  busy.clear();
  EXPECT_EQ(device.overlaps(), 0);
}

TEST_F(ExecutorTest, EverybodyGetsTheirOwnResults) {
  std::vector<std::jthread> streams;
  for (int stream = 0; stream < 8; ++stream)
    streams.emplace_back([&, stream] {
      for (int i = 0; i < 100; ++i) {
        const auto size = static_cast<std::size_t>(1 + i % 5);
        const Numbers numbers(1 + static_cast<std::size_t>(i % 3), 100 * stream + i % 100);
        EXPECT_EQ(Job(executor, stream % 2 == 0 ? a : b, numbers, {size, 20us * (i % 2)}).error(), "");
      }
    });
  streams.clear();
  std::size_t pictures = 0;
  for (const Batch &run : device.runs()) pictures += run.pictures.size();
  EXPECT_EQ(pictures, 8U * (34 * 1 + 33 * 2 + 33 * 3));
  EXPECT_EQ(device.overlaps(), 0);
}

TEST(Executor, EndsWithNothingQueued) {
  for (int i = 0; i < 200; ++i) {
    Device device;
    FakeNetwork network('a', device);
    Executor executor;
    if (i % 2 == 1) Job(executor, network, {1}, {8, 0ns});
  }
}

}  // namespace
}  // namespace uniad
