// SPDX-License-Identifier: Apache-2.0
// Collects the frames of many streams into batches.
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

#include "model/engine/backend/backend.h"

namespace uniad {

// How long pictures wait for company.
struct BatchOptions {
  std::size_t size = 8;                 // pictures of a batch at most
  std::chrono::nanoseconds timeout{0};  // a batch that is not full is run after so long; 0: at once
};

// The one thread that runs networks on a device. Pictures that come while it is busy, from any streams, form
// the next batch; networks take turns in the order of their oldest picture.
class Executor {
  using Clock = std::chrono::steady_clock;

 public:
  // Somebody's pictures for one network, a call at a time. A batch with room left waits for a stream that has
  // had pictures before, since more are likely to come. It does not wait for a stream that has paused, nor
  // for one that let a whole timeout pass: both count again with their next pictures. Where no stream is left
  // to wait for, the batch runs at once.
  class Stream {
   public:
    Stream(Executor &executor, Backend &network);
    ~Stream();
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    // Runs the pictures through the network as part of a batch, and returns when that is done. Throws what
    // the network threw.
    void run(std::span<Picture> pictures, const BatchOptions &batch);

    // No pictures come for now; those that wait for a batch wait no longer. Any thread.
    void pause();

   private:
    friend Executor;

    Executor &executor_;
    Backend &network_;
    // The executor's mutex guards these.
    bool flows_ = false;        // more pictures are likely to come
    bool queued_ = false;       // they are here
    Clock::time_point served_;  // when its last batch was done
  };

  Executor();

 private:
  // A stream's pictures, as long as they wait.
  struct Job {
    Stream *stream;
    std::span<Picture> pictures;
    std::size_t batch_size;
    Clock::time_point arrival;
    Clock::time_point deadline;
    bool is_last;  // the stream has paused
    std::exception_ptr error;
    std::binary_semaphore done{0};
  };

  void work(const std::stop_token &stop);
  Clock::time_point take_batch();
  bool is_complete(const Backend &network) const;
  void give_up_on_absent_streams(const Job &waited_in_vain);
  void run_batch();

  std::mutex mutex_;  // guards the four below, and of each stream what it says
  std::condition_variable_any changed_;
  bool has_news_ = false;          // since the thread looked at the queue
  std::vector<Stream *> streams_;  // all there are
  std::vector<Job *> queue_;       // oldest first
  std::vector<Job *> batch_;       // taken from it; the thread's own
  std::vector<Picture> pictures_;  // the batch's
  std::jthread thread_;            // last, so that it has ended before the rest goes
};

}  // namespace uniad
