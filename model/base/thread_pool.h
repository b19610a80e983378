// SPDX-License-Identifier: Apache-2.0
// Threads that share the work on one batch.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace uniad::cpu {

// Treats denormal fp32 numbers as zero on this thread within a scope, because processors are a hundred times
// slower with them and no result depends on them.
class FlushToZero {
 public:
  FlushToZero();
  ~FlushToZero();
  FlushToZero(const FlushToZero &) = delete;
  FlushToZero &operator=(const FlushToZero &) = delete;

 private:
  unsigned before_ = 0;
};

// A non-owning reference to a callable, called as task(number, thread); std::function would allocate memory.
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

// Threads that share the tasks of successive stages. A frame consists of some hundred stages of tens of
// microseconds, so an idle thread polls for the next stage for a while before it sleeps.
class ThreadPool {
 public:
  // The caller of run() is one of the threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(number, thread) once for every number below `tasks` (at most 2^20), and returns when all calls
  // have returned. thread: less than threads(), different for concurrent calls. Tasks must not throw. Only
  // one run at a time.
  void run(int tasks, const Task &task);

 private:
  void work(int thread);
  bool take_one(int thread);

  // The current stage: its number in the upper bits, the number of its tasks, and the next task, in a single
  // word, so that no thread takes a task of a stage that is over.
  std::atomic<std::uint64_t> tickets_ = 0;
  std::atomic<const Task *> task_ = nullptr;
  std::atomic<int> unfinished_ = 0;
  std::atomic<std::uint32_t> stage_ = 0;  // sleeping threads wait for it to change
  std::atomic<int> sleeping_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> workers_;
};

// The threads that work on a picture: all threads of a pool, or only the calling thread.
class Team {
 public:
  explicit Team(ThreadPool *pool) : pool_(pool) {}  // null: only the calling thread

  int size() const { return pool_ == nullptr ? 1 : pool_->threads(); }
  void run(int tasks, const Task &task) const {
    if (pool_ != nullptr) return pool_->run(tasks, task);
    for (int i = 0; i < tasks; ++i) task(i, 0);
  }

 private:
  ThreadPool *pool_;
};

}  // namespace uniad::cpu
