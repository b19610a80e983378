// SPDX-License-Identifier: Apache-2.0
// A bounded queue of results that keeps the newest, and events rather than frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "gst-plugin/publish/sink.h"

namespace uniad {

// Results in the order in which they came. If there are more than fit, the oldest frame is dropped, and the
// oldest change of an event only if there is no frame. Results that take() handed out count only once they
// come back, so that the newest are kept however long a delivery lasts that fails in the end. Each operation
// takes the same time however many results wait.
class ResultQueue {
 public:
  explicit ResultQueue(std::size_t capacity) : capacity_(capacity) {}

  // Returns the number of results that were dropped.
  std::size_t push(PublishedResult result);

  // Takes up to `most` of the oldest results.
  std::vector<PublishedResult> take(std::size_t most);

  // Tells that the results that take() handed out are done, except for the last ones: `rest` goes back to the
  // front, and the `held` ones before them remain with the caller. Returns the number of results that were
  // dropped.
  std::size_t settle(std::vector<PublishedResult> rest, std::size_t held = 0);

  // With those that take() handed out.
  std::size_t size() const { return waiting() + taken_.size(); }
  bool empty() const { return size() == 0; }
  bool has_waiting() const { return !frames_.empty() || !changes_.empty(); }

 private:
  struct Item {
    std::uint64_t number;
    PublishedResult result;
  };

  std::deque<Item> &queue_of(const PublishedResult &result) {
    return result.is_event_change ? changes_ : frames_;
  }
  std::size_t waiting() const { return frames_.size() + changes_.size(); }
  std::size_t drop_excess();

  std::size_t capacity_;
  std::uint64_t next_ = 0;
  std::deque<Item> frames_;
  std::deque<Item> changes_;          // of events
  std::vector<std::uint64_t> taken_;  // numbers of the results that are handed out
};

}  // namespace uniad
