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
  if (finished_.empty()) return std::nullopt;
  std::optional<TimedDetection> result(std::move(finished_.front()));
  finished_.pop_front();
  changed_.notify_all();
  return result;
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
  finished_.clear();
  error_ = nullptr;
}

void BackgroundDetector::run(const std::stop_token &stop) {
  std::vector<Detection> detections;
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return waiting_.has_value(); })) {
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
    if (result) finished_.push_back(*std::move(result));
    if (error) error_ = error;  // stays until it is taken, whatever later frames bring
    changed_.notify_all();
  }
}

}  // namespace uniad
