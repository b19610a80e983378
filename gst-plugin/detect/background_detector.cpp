// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/background_detector.h"

#include <utility>
#include <vector>

namespace uniad {
namespace {

GstDebugCategory *background_category() {
  static GstDebugCategory *const category =
      _gst_debug_category_new("uniadbackground", 0, "UniAD detection beside the stream");
  return category;
}

}  // namespace

BackgroundDetector::BackgroundDetector(std::shared_ptr<Detector> detector)
    : detector_(std::move(detector)), thread_([this](const std::stop_token &stop) { run(stop); }) {}

void BackgroundDetector::offer(std::unique_ptr<MappedFrame> frame, const FrameTime &time) {
  std::optional<Offer> replaced(Offer{std::move(frame), time});
  {
    const std::lock_guard lock(mutex_);
    waiting_.swap(replaced);
  }
  changed_.notify_all();
  if (replaced)
    GST_CAT_LOG(background_category(), "a newer frame replaces the one of pts %" GST_TIME_FORMAT,
                GST_TIME_ARGS(replaced->time.moment.pts));
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
      GST_CAT_WARNING(background_category(), "the frame of pts %" GST_TIME_FORMAT " cannot be judged",
                      GST_TIME_ARGS(work->time.moment.pts));
    }
    work.reset();

    lock.lock();
    busy_ = false;
    if (result) finished_.push_back(*std::move(result));
    if (error) error_ = error;  // kept until it is taken, even if later frames succeed
    changed_.notify_all();
  }
}

}  // namespace uniad
