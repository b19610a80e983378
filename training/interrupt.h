// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "training/progress.h"

namespace uniad {

// Whether ctrl-C (or SIGTERM) is waiting to be obeyed. Cheap; from any thread.
bool interrupted();

// While it lives, SIGINT and SIGTERM do not end the process at once: interrupted() says that one came, and
// the work ends itself in order. Where that takes longer than a second and a half, whatever it waits for, the
// process ends here. Signals that are ignored stay ignored.
class Interrupts {
 public:
  // Before any thread starts, as threads inherit what they do with signals. `progress` must outlive it.
  explicit Interrupts(const Progress &progress);
  ~Interrupts();
  Interrupts(const Interrupts &) = delete;
  Interrupts &operator=(const Interrupts &) = delete;

  // A folder that must not stay behind where the process ends here.
  void remove_at_end(const std::filesystem::path &folder);

  // While it lives, the work gets half a minute to end itself: a step of a training may take long, and what
  // was learned is kept behind it.
  class Patience {
   public:
    explicit Patience(Interrupts *interrupts);  // null: nobody is impatient
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
  std::mutex mutex_;  // guards what follows
  std::vector<std::filesystem::path> to_remove_;
  std::chrono::milliseconds grace_;
  Clock::time_point since_ = Clock::now();  // when the signal came, or patience ended
  std::condition_variable_any wake_;
  std::jthread watcher_;
};

}  // namespace uniad
