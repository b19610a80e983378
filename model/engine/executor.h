// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <semaphore>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "model/engine/backend.h"

namespace uniad {

// How long pictures wait for company.
struct BatchOptions {
  std::size_t size = 8;                 // pictures of a batch at most
  std::chrono::nanoseconds timeout{0};  // a batch that is not full is run after so long; 0: at once
};

// The one thread that runs networks on a device. Pictures that come while it is busy, from any streams, form
// the next batch; networks take turns in the order of their oldest picture.
class Executor {
 public:
  Executor();

  // Runs the pictures through the network as part of a batch, and returns when that is done. Any thread.
  // Throws what the network threw.
  void run(Backend &network, std::span<Picture> pictures, const BatchOptions &batch);

 private:
  using Clock = std::chrono::steady_clock;

  // Somebody's pictures, as long as they wait.
  struct Job {
    Backend *network;
    std::span<Picture> pictures;
    std::size_t batch_size;
    Clock::time_point deadline;
    std::exception_ptr error;
    std::binary_semaphore done{0};
  };

  void work(const std::stop_token &stop);
  Clock::time_point take_batch();
  void run_batch();

  std::mutex mutex_;  // guards the queue
  std::condition_variable_any changed_;
  std::vector<Job *> queue_;       // oldest first
  std::vector<Job *> batch_;       // taken from it; the thread's own
  std::vector<Picture> pictures_;  // the batch's
  std::jthread thread_;            // last, so that it has ended before the rest goes
};

}  // namespace uniad
