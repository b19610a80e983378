// SPDX-License-Identifier: Apache-2.0
// Ends the work in an orderly way on Ctrl-C and SIGTERM.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "training/base/progress.h"

namespace uniad {

// Whether Ctrl-C (SIGINT) or SIGTERM was received. Cheap and thread-safe.
bool interrupted();

// While an instance exists, SIGINT and SIGTERM do not end the process immediately. Instead, interrupted()
// returns true, and the work ends itself. If that takes longer than 1.5 s for any reason, this class ends the
// process. Ignored signals stay ignored.
class Interrupts {
 public:
  // Must be constructed before any thread starts, because threads inherit the signal mask. progress must
  // outlive it.
  explicit Interrupts(const Progress &progress);
  ~Interrupts();
  Interrupts(const Interrupts &) = delete;
  Interrupts &operator=(const Interrupts &) = delete;

  // A folder to remove if this class ends the process.
  void remove_at_end(const std::filesystem::path &folder);

  // While an instance exists, the work has 30 s to end itself, because a training step may take long and the
  // result is saved after it.
  class Patience {
   public:
    explicit Patience(Interrupts *interrupts);  // null: no effect
    ~Patience();
    Patience(const Patience &) = delete;
    Patience &operator=(const Patience &) = delete;

   private:
    Interrupts *interrupts_;
  };

 private:
  using Clock = std::chrono::steady_clock;

  void watch(const std::stop_token &stop);

  const Progress &progress_;
  sigset_t mask_before_;
  std::mutex mutex_;  // guards the following members
  std::vector<std::filesystem::path> to_remove_;
  std::chrono::milliseconds grace_;
  Clock::time_point since_ = Clock::now();  // when the signal came, or patience ended
  std::condition_variable_any wake_;
  std::jthread watcher_;
};

}  // namespace uniad
