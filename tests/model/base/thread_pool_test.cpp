// SPDX-License-Identifier: Apache-2.0
#include "model/base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/limit_memory.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uniad::cpu {
namespace {

std::size_t index(int value) {
  return static_cast<std::size_t>(value);
}

// Records how often and on which threads the tasks of a pool are called.
class Witness {
 public:
  explicit Witness(ThreadPool &pool) : pool_(pool), busy_(index(pool.threads())), calls_(1000) {}

  // Runs one stage and checks the calls.
  void stage(int tasks) {
    std::fill(calls_.begin(), calls_.begin() + tasks, 0);
    pool_.run(tasks, [&](int number, int thread) { see(number, thread, tasks); });
    const auto once = [](int calls) { return calls == 1; };
    // These are not atomic: run() has to make writes of the tasks visible.
    if (!std::all_of(calls_.begin(), calls_.begin() + tasks, once)) ++wrong_stages_;
  }

  void expect_order() const {
    EXPECT_EQ(wrong_stages_, 0) << "stages with a task that was not called once";
    EXPECT_EQ(wrong_numbers_, 0) << "numbers that there are not";
    EXPECT_EQ(shared_, 0) << "thread numbers that two used at once";
  }

 private:
  void see(int number, int thread, int tasks) {
    if (number < 0 || number >= tasks || thread < 0 || thread >= pool_.threads()) {
      ++wrong_numbers_;
      return;
    }
    if (busy_[index(thread)].exchange(true)) ++shared_;
    ++calls_[index(number)];
    busy_[index(thread)] = false;
  }

  ThreadPool &pool_;
  std::vector<std::atomic<bool>> busy_;
  std::vector<int> calls_;
  std::atomic<int> wrong_numbers_ = 0, shared_ = 0;
  int wrong_stages_ = 0;
};

TEST(ThreadPool, GoesOnWithTheThreadsThatItGets) {
  if (!test::can_limit_memory) GTEST_SKIP() << "not under AddressSanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto use = [] {
    test::limit_memory(12U << 20U);  // enough for one thread's stack of 8 MiB, but not for two
    ThreadPool pool(4);
    int sum = 0;
    std::mutex mutex;
    pool.run(100, [&](int number, int) {
      const std::lock_guard lock(mutex);
      sum += number;
    });
    std::_Exit(pool.threads() < 4 && sum == 99 * 50 ? 0 : 1);
  };
  EXPECT_EXIT(use(), testing::ExitedWithCode(0), "");
}

TEST(ThreadPool, CallsEveryNumberOnceInManyStages) {
  std::mt19937 source(1);
  for (int threads = 1; threads <= 8; ++threads) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    Witness witness(pool);
    for (int i = 0; i < 4000; ++i) witness.stage(std::uniform_int_distribution(1, 50)(source));
    witness.expect_order();
  }
}

TEST(ThreadPool, RunsNothingAndManyTasks) {
  ThreadPool pool(3);
  Witness witness(pool);
  witness.stage(0);
  witness.stage(1000);
  witness.expect_order();
}

TEST(ThreadPool, PoolOfOneRunsOnTheCallerInOrder) {
  ThreadPool pool(1);
  const auto caller = std::this_thread::get_id();
  std::vector<int> numbers;
  pool.run(5, [&](int number, int thread) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(thread, 0);
    numbers.push_back(number);
  });
  EXPECT_EQ(numbers, (std::vector{0, 1, 2, 3, 4}));
}

// Each task waits until the number of tasks in progress equals the number of threads.
TEST(ThreadPool, AllThreadsWorkAtOnce) {
  constexpr int threads = 4;
  ThreadPool pool(threads);
  for (int i = 0; i < 50; ++i) {
    std::atomic<int> arrived = 0;
    std::vector<int> by_thread(threads);
    pool.run(threads, [&](int /*number*/, int thread) {
      ++by_thread[index(thread)];
      if (++arrived == threads) arrived.notify_all();
      for (int seen = arrived; seen < threads; seen = arrived) arrived.wait(seen);
    });
    EXPECT_EQ(by_thread, std::vector<int>(threads, 1));
  }
}

TEST(ThreadPool, PoolsDoNotDisturbEachOther) {
  std::vector<std::unique_ptr<ThreadPool>> pools;
  std::vector<std::unique_ptr<Witness>> witnesses;
  for (int threads : {2, 3, 4}) {
    pools.push_back(std::make_unique<ThreadPool>(threads));
    witnesses.push_back(std::make_unique<Witness>(*pools.back()));
  }
  std::vector<std::jthread> callers;
  for (auto &witness : witnesses)
    callers.emplace_back([&witness] {
      for (int i = 0; i < 300; ++i) witness->stage(1 + i % 20);
    });
  callers.clear();
  for (auto &witness : witnesses) witness->expect_order();
}

TEST(ThreadPool, EndsWhateverItsThreadsDo) {
  for (int i = 0; i < 2000; ++i) {
    ThreadPool pool(1 + i % 4);
    Witness witness(pool);
    for (int stage = 0; stage < i % 3; ++stage) witness.stage(7);
    witness.expect_order();
    // Workers go to sleep some tens of microseconds after the last stage. This destroys the pool before,
    // while and after they do.
    for (int spin = 0; spin < i * 16; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
  }
}

#if defined(__x86_64__)

bool vanishes() {
  volatile float small = 1e-38F;
  volatile float smaller = small * 0.01F;
  return smaller == 0;
}

TEST(FlushToZero, LastsAsLongAsItLives) {
  const unsigned before = _mm_getcsr();
  EXPECT_FALSE(vanishes());
  {
    const FlushToZero flush_to_zero;
    EXPECT_TRUE(vanishes());
    {
      const FlushToZero again;
      EXPECT_TRUE(vanishes());
    }
    EXPECT_TRUE(vanishes());
  }
  EXPECT_FALSE(vanishes());
  EXPECT_EQ(_mm_getcsr() & 0x8040U, before & 0x8040U);
}

TEST(FlushToZero, IsInForceOnTheWorkersAndNotOnTheCaller) {
  ThreadPool pool(3);
  std::vector<int> vanished(3);
  std::atomic<int> arrived = 0;
  pool.run(3, [&](int /*number*/, int thread) {
    vanished[index(thread)] = vanishes() ? 1 : 0;
    if (++arrived == 3) arrived.notify_all();
    for (int seen = arrived; seen < 3; seen = arrived) arrived.wait(seen);
  });
  EXPECT_EQ(vanished, (std::vector{0, 1, 1}));
}

#endif

}  // namespace
}  // namespace uniad::cpu
