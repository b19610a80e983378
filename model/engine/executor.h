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

// The size of batches, and how long pictures wait for others.
struct BatchOptions {
  std::size_t size = 8;                 // maximum number of pictures in a batch
  std::chrono::nanoseconds timeout{0};  // an incomplete batch is run after this time; 0: at once
};

// The only thread that runs networks on a device. Pictures from any streams that arrive while it is busy form
// the next batch. Networks take turns in the order of their oldest pictures.
class Executor {
  using Clock = std::chrono::steady_clock;

 public:
  // A source of pictures for one network, with one call at a time. An incomplete batch waits for a stream
  // that has delivered pictures before, because more are likely to come. It does not wait for a stream that
  // has paused or that delivered nothing for a whole timeout, until the stream delivers pictures again. If
  // there is no stream to wait for, the batch runs at once.
  class Stream {
   public:
    Stream(Executor &executor, Backend &network);
    ~Stream();
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    // Runs the pictures through the network as part of a batch, and returns when they are done. Throws the
    // network's exceptions.
    void run(std::span<Picture> pictures, const BatchOptions &batch);

    // Announces that no pictures will come for now. Pictures that wait for a batch are run at once. Any
    // thread.
    void pause();

   private:
    friend Executor;

    Executor &executor_;
    Backend &network_;
    // Guarded by the executor's mutex.
    bool flows_ = false;        // more pictures are likely to come
    bool queued_ = false;       // its pictures wait in the queue
    Clock::time_point served_;  // the end of its last batch
  };

  Executor();

 private:
  // The pictures of one call of Stream::run() while they wait.
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

  std::mutex mutex_;  // guards the members below up to `queue_`, and the state of each stream
  std::condition_variable_any changed_;
  bool has_news_ = false;          // since the thread last looked at the queue
  std::vector<Stream *> streams_;  // all open streams
  std::vector<Job *> queue_;       // oldest first
  std::vector<Job *> batch_;       // taken from the queue; used by the thread only
  std::vector<Picture> pictures_;  // of the batch
  std::jthread thread_;            // last, so that it ends before the other members are destroyed
};

}  // namespace uniad
