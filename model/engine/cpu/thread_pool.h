// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace uniad::cpu {

// Numbers too small for fp32's exponent count as zero on this thread while this lives: processors take a
// hundred times longer for them, and no result needs them.
class FlushToZero {
 public:
  FlushToZero();
  ~FlushToZero();
  FlushToZero(const FlushToZero &) = delete;
  FlushToZero &operator=(const FlushToZero &) = delete;

 private:
  unsigned before_ = 0;
};

// A callable that somebody else keeps: called as task(number, thread), without std::function's memory.
class Task {
 public:
  template <typename Callable>
  Task(const Callable &callable)  // NOLINT(google-explicit-constructor): a lambda is handed over as it is
      : callable_(&callable), call_([](const void *it, int number, int thread) {
          (*static_cast<const Callable *>(it))(number, thread);
        }) {}
  void operator()(int number, int thread) const { call_(callable_, number, thread); }

 private:
  const void *callable_;
  void (*call_)(const void *, int, int);
};

// Threads that share the tasks of one stage after the other. A frame is some hundred stages of tens of
// microseconds, so a thread that has nothing to do looks for the next stage for a while before it sleeps.
class ThreadPool {
 public:
  // The caller of run() is one of the threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(number, thread) once for every number below `tasks` (2^20 at most), and returns when all have
  // returned. thread: below threads(), never the same at the same time. Tasks must not throw. One run at a
  // time.
  void run(int tasks, const Task &task);

 private:
  void work(int thread);
  bool take_one(int thread);

  // The stage in progress: its number in the upper bits, then how many tasks it has and the next one to take,
  // all in one word, so that nobody takes a task of a stage that is over.
  std::atomic<std::uint64_t> tickets_ = 0;
  std::atomic<const Task *> task_ = nullptr;
  std::atomic<int> unfinished_ = 0;
  std::atomic<std::uint32_t> stage_ = 0;  // what sleepers wait on
  std::atomic<int> sleeping_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> workers_;
};

// Who works on a picture: all threads of a pool, or one thread alone.
class Team {
 public:
  explicit Team(ThreadPool *pool) : pool_(pool) {}  // null: the caller alone

  int size() const { return pool_ == nullptr ? 1 : pool_->threads(); }
  void run(int tasks, const Task &task) const {
    if (pool_ != nullptr) return pool_->run(tasks, task);
    for (int i = 0; i < tasks; ++i) task(i, 0);
  }

 private:
  ThreadPool *pool_;
};

}  // namespace uniad::cpu
