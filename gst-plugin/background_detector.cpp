// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/background_detector.h"

#include <utility>
#include <vector>

namespace uniad {

BackgroundDetector::BackgroundDetector(std::shared_ptr<Detector> detector)
    : detector_(std::move(detector)), thread_([this](const std::stop_token &stop) { run(stop); }) {}

void BackgroundDetector::offer(std::unique_ptr<HeldFrame> frame, const FrameTime &time) {
  std::optional<Offer> replaced(Offer{std::move(frame), time});
  {
    const std::lock_guard lock(mutex_);
    waiting_.swap(replaced);
  }
  changed_.notify_all();
}

std::optional<TimedDetection> BackgroundDetector::take() {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  changed_.notify_all();
  return std::exchange(finished_, std::nullopt);
}

std::optional<Learning> BackgroundDetector::take_learning() {
  const std::lock_guard lock(mutex_);
  if (!finished_ || !finished_->detection.learning) return std::nullopt;
  const auto result = std::exchange(finished_, std::nullopt);
  changed_.notify_all();
  return result->detection.learning;
}

void BackgroundDetector::finish() {
  std::optional<Offer> dropped;
  std::unique_lock lock(mutex_);
  waiting_.swap(dropped);
  changed_.wait(lock, [this] { return !busy_; });
}

void BackgroundDetector::clear() {
  finish();
  const std::lock_guard lock(mutex_);
  finished_.reset();
  error_ = nullptr;
}

bool BackgroundDetector::may_go_on() const {
  const bool learned = finished_ && finished_->detection.learning && finished_->detection.learning->finished;
  return waiting_.has_value() && !learned;
}

void BackgroundDetector::run(const std::stop_token &stop) {
  std::vector<Detection> detections;
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return may_go_on(); })) {
    auto work = std::exchange(waiting_, std::nullopt);
    busy_ = true;
    lock.unlock();

    std::optional<TimedDetection> result;
    std::exception_ptr error;
    try {
      detector_->detect({&work->frame->view(), 1}, detections);
      result = TimedDetection{detections.front(), work->time};
    } catch (...) {
      error = std::current_exception();
    }
    work.reset();

    lock.lock();
    busy_ = false;
    finished_ = std::move(result);
    if (error) error_ = error;  // stays until it is taken, whatever later frames bring
    changed_.notify_all();
  }
}

}  // namespace uniad
