// SPDX-License-Identifier: Apache-2.0
// Puts the results of frames into the order of presentation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "gst-plugin/embed/frame_results.h"

namespace uniad {

// Takes frames as they are decoded. A codec can reorder no more than 16 frames, so that only few have to be
// kept.
class ResultOrder {
 public:
  using Visitor = std::function<void(const std::string &line)>;
  explicit ResultOrder(Visitor visitor) : visitor_(std::move(visitor)) {}

  // shown: when, in any unit; absent: after the frame before.
  void add(const FrameResults &results, std::optional<std::uint64_t> shown);
  void finish();

 private:
  struct Entry {
    std::uint64_t shown;
    std::uint64_t number;  // of the frame as they came
    bool is_end;           // of those that come after all frames so far
    std::vector<std::string> lines;

    bool operator<(const Entry &other) const {  // the first has the highest priority
      return std::tie(other.shown, other.is_end, other.number) < std::tie(shown, is_end, number);
    }
  };

  void visit_first();

  Visitor visitor_;
  std::priority_queue<Entry> entries_;
  std::uint64_t newest_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace uniad
