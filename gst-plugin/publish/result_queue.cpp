// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/result_queue.h"

#include <utility>

namespace uniad {

std::size_t ResultQueue::push(PublishedResult result) {
  auto &queue = queue_of(result);
  queue.push_back({next_++, std::move(result)});
  return drop_excess();
}

std::vector<PublishedResult> ResultQueue::take(std::size_t most) {
  std::vector<PublishedResult> results;
  while (results.size() < most && has_waiting()) {
    const bool frame_is_next =
        changes_.empty() || (!frames_.empty() && frames_.front().number < changes_.front().number);
    auto &queue = frame_is_next ? frames_ : changes_;
    taken_.push_back(queue.front().number);
    results.push_back(std::move(queue.front().result));
    queue.pop_front();
  }
  return results;
}

std::size_t ResultQueue::settle(std::vector<PublishedResult> rest, std::size_t held) {
  for (; !rest.empty(); rest.pop_back(), taken_.pop_back())
    queue_of(rest.back()).push_front({taken_.back(), std::move(rest.back())});
  taken_.erase(taken_.begin(), taken_.end() - static_cast<std::ptrdiff_t>(held));
  return drop_excess();
}

std::size_t ResultQueue::drop_excess() {
  std::size_t dropped = 0;
  for (; waiting() > capacity_; ++dropped) (frames_.empty() ? changes_ : frames_).pop_front();
  return dropped;
}

}  // namespace uniad
