// SPDX-License-Identifier: Apache-2.0
#include "model/base/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <exception>

namespace uniad::cpu {
namespace {

// A ticket: | stage 24 | tasks 20 | next 20 |.
constexpr int bits = 20;
constexpr std::uint64_t mask = (1U << bits) - 1;

std::uint64_t tasks_of(std::uint64_t ticket) {
  return (ticket >> bits) & mask;
}

std::uint64_t next_of(std::uint64_t ticket) {
  return ticket & mask;
}

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// About 50 microseconds, longer than the single-threaded work between two stages.
constexpr int looks_before_sleep = 1000;

}  // namespace

#if defined(__x86_64__)
FlushToZero::FlushToZero() : before_(_mm_getcsr()) {
  constexpr unsigned flush_results = 0x8000, zero_operands = 0x0040;
  _mm_setcsr(before_ | flush_results | zero_operands);
}

FlushToZero::~FlushToZero() {
  _mm_setcsr(before_);
}
#else
FlushToZero::FlushToZero() = default;
FlushToZero::~FlushToZero() = default;
#endif

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(static_cast<std::size_t>(std::max(threads, 1)));
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (const std::exception &) {  // threads or memory are limited; the existing threads do the work
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  ++stage_;
  stage_.notify_all();
  for (std::thread &worker : workers_) worker.join();
}

void ThreadPool::run(int tasks, const Task &task) {
  if (workers_.empty() || tasks < 2) {
    for (int i = 0; i < tasks; ++i) task(i, 0);
    return;
  }
  task_.store(&task, std::memory_order_relaxed);
  unfinished_.store(tasks, std::memory_order_relaxed);
  const std::uint32_t stage = stage_.load(std::memory_order_relaxed) + 1;
  tickets_.store((std::uint64_t{stage} << (2 * bits)) | (static_cast<std::uint64_t>(tasks) << bits));
  stage_.store(stage);
  if (sleeping_ > 0) stage_.notify_all();
  while (take_one(0)) {
  }
  for (int looks = 0; unfinished_.load(std::memory_order_acquire) > 0; ++looks) {
    if (looks < looks_before_sleep)
      pause();
    else
      std::this_thread::yield();  // a worker was preempted in the middle of a task
  }
}

bool ThreadPool::take_one(int thread) {
  const std::uint64_t seen = tickets_.load(std::memory_order_acquire);
  if (next_of(seen) >= tasks_of(seen)) return false;
  const std::uint64_t ticket = tickets_.fetch_add(1, std::memory_order_acq_rel);
  if (next_of(ticket) >= tasks_of(ticket)) return false;
  // The stage cannot end before this task does, so its data does not change.
  (*task_.load(std::memory_order_relaxed))(static_cast<int>(next_of(ticket)), thread);
  unfinished_.fetch_sub(1, std::memory_order_release);
  return true;
}

void ThreadPool::work(int thread) {
  const FlushToZero flush_to_zero;
  int looks = 0;
  for (;;) {
    // Must be read before stop_. stop_ is set before stage_ is incremented, so a thread that sleeps on stage_
    // is woken.
    const std::uint32_t stage = stage_;
    if (stop_) return;
    if (take_one(thread)) {
      looks = 0;
    } else if (++looks < looks_before_sleep) {
      pause();
    } else {
      ++sleeping_;
      const std::uint64_t ticket = tickets_;
      if (next_of(ticket) >= tasks_of(ticket)) stage_.wait(stage);
      --sleeping_;
      looks = 0;
    }
  }
}

}  // namespace uniad::cpu
