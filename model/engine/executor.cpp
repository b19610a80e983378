// SPDX-License-Identifier: Apache-2.0
#include "model/engine/executor.h"

#include <algorithm>
#include <exception>

namespace uniad {

Executor::Stream::Stream(Executor &executor, Backend &network) : executor_(executor), network_(network) {
  const std::lock_guard lock(executor_.mutex_);
  executor_.streams_.push_back(this);
}

Executor::Stream::~Stream() {
  {
    const std::lock_guard lock(executor_.mutex_);
    std::erase(executor_.streams_, this);
    executor_.has_news_ = true;
  }
  executor_.changed_.notify_one();
}

void Executor::Stream::run(std::span<Picture> pictures, const BatchOptions &batch) {
  if (pictures.empty()) return;
  const Clock::time_point now = Clock::now();
  Job job{this, pictures, std::max<std::size_t>(batch.size, 1), now, now + batch.timeout, false, nullptr};
  {
    const std::lock_guard lock(executor_.mutex_);
    flows_ = queued_ = true;
    executor_.queue_.push_back(&job);
    executor_.has_news_ = true;
  }
  executor_.changed_.notify_one();
  job.done.acquire();
  if (job.error) std::rethrow_exception(job.error);
}

void Executor::Stream::pause() {
  {
    const std::lock_guard lock(executor_.mutex_);
    flows_ = false;
    for (Job *job : executor_.queue_)
      if (job->stream == this) job->is_last = true;
    executor_.has_news_ = true;
  }
  executor_.changed_.notify_one();
}

Executor::Executor() : thread_([this](const std::stop_token &stop) { work(stop); }) {}

void Executor::work(const std::stop_token &stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    has_news_ = false;
    const Clock::time_point next = take_batch();
    if (batch_.empty()) {
      const auto news = [&] { return has_news_; };
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

// Whether there is no stream left to wait for.
bool Executor::is_complete(const Backend &network) const {
  return std::none_of(streams_.begin(), streams_.end(), [&](const Stream *stream) {
    return &stream->network_ == &network && stream->flows_ && !stream->queued_;
  });
}

// These streams have delivered nothing during the whole time that the job has waited.
void Executor::give_up_on_absent_streams(const Job &waited_in_vain) {
  for (Stream *stream : streams_)
    if (&stream->network_ == &waited_in_vain.stream->network_ && !stream->queued_ &&
        stream->served_ <= waited_in_vain.arrival)
      stream->flows_ = false;
}

// Moves the oldest batch that is full, complete or due from the queue to batch_. If there is none, returns
// when the next one is due.
Executor::Clock::time_point Executor::take_batch() {
  batch_.clear();
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (const Job *oldest : queue_) {
    const Backend *network = &oldest->stream->network_;
    std::size_t pictures = 0;
    for (const Job *job : queue_)
      if (&job->stream->network_ == network) pictures += job->pictures.size();
    next = std::min(next, oldest->deadline);
    const bool waits = pictures < oldest->batch_size && !oldest->is_last && !is_complete(*network);
    if (waits && now < oldest->deadline) continue;
    if (waits) give_up_on_absent_streams(*oldest);
    // Jobs are not split, and keep their order.
    std::size_t room = oldest->batch_size;
    std::erase_if(queue_, [&](Job *job) {
      if (&job->stream->network_ != network || room == 0 || (!batch_.empty() && job->pictures.size() > room))
        return false;
      room -= std::min(room, job->pictures.size());
      job->stream->queued_ = false;
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
    batch_.front()->stream->network_.run(pictures_);
  } catch (...) {
    error = std::current_exception();  // rethrown by every run() that waits for this batch
  }
  {
    const std::lock_guard lock(mutex_);
    for (const Job *job : batch_) job->stream->served_ = Clock::now();
  }
  auto done = pictures_.begin();
  for (Job *job : batch_) {
    for (Picture &picture : job->pictures) picture.failure = std::move((done++)->failure);
    job->error = error;
    job->done.release();  // the job may be destroyed from here on
  }
}

}  // namespace uniad
