// SPDX-License-Identifier: Apache-2.0
#include "model/engine/executor.h"

#include <algorithm>
#include <exception>

namespace uniad {

Executor::Executor() : thread_([this](const std::stop_token &stop) { work(stop); }) {}

void Executor::run(Backend &network, std::span<Picture> pictures, const BatchOptions &batch) {
  if (pictures.empty()) return;
  Job job{&network, pictures, std::max<std::size_t>(batch.size, 1), Clock::now() + batch.timeout, nullptr};
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&job);
  }
  changed_.notify_one();
  job.done.acquire();
  if (job.error) std::rethrow_exception(job.error);
}

void Executor::work(const std::stop_token &stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const Clock::time_point next = take_batch();
    if (batch_.empty()) {
      const std::size_t seen = queue_.size();
      const auto news = [&] { return queue_.size() > seen; };
      if (queue_.empty())
        changed_.wait(lock, stop, news);
      else
        changed_.wait_until(lock, stop, next, news);
      continue;
    }
    lock.unlock();
    run_batch();
    lock.lock();
  }
}

// Moves the oldest batch that is full or due from the queue to batch_; where there is none, says when the
// next one is due.
Executor::Clock::time_point Executor::take_batch() {
  batch_.clear();
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (const Job *oldest : queue_) {
    std::size_t pictures = 0;
    for (const Job *job : queue_)
      if (job->network == oldest->network) pictures += job->pictures.size();
    next = std::min(next, oldest->deadline);
    if (pictures < oldest->batch_size && now < oldest->deadline) continue;
    // Whole jobs, in their order.
    std::size_t room = oldest->batch_size;
    const Backend *network = oldest->network;
    std::erase_if(queue_, [&](Job *job) {
      if (job->network != network || room == 0 || (!batch_.empty() && job->pictures.size() > room))
        return false;
      room -= std::min(room, job->pictures.size());
      batch_.push_back(job);
      return true;
    });
    break;
  }
  return next;
}

void Executor::run_batch() {
  pictures_.clear();
  for (const Job *job : batch_) pictures_.insert(pictures_.end(), job->pictures.begin(), job->pictures.end());
  std::exception_ptr error;
  try {
    batch_.front()->network->run(pictures_);
  } catch (...) {
    error = std::current_exception();  // thrown again by every run() that waits
  }
  auto done = pictures_.begin();
  for (Job *job : batch_) {
    for (Picture &picture : job->pictures) picture.failure = std::move((done++)->failure);
    job->error = error;
    job->done.release();  // its owner may be gone from here on
  }
}

}  // namespace uniad
