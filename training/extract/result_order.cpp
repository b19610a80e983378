// SPDX-License-Identifier: Apache-2.0
#include "training/extract/result_order.h"

#include <algorithm>

namespace uniad {

void ResultOrder::add(const FrameResults &results, std::optional<std::uint64_t> shown) {
  constexpr std::size_t enough = 64;
  const std::uint64_t at = shown.value_or(newest_);
  newest_ = std::max(newest_, at);
  ++count_;
  std::vector<std::string> lines = results.events_before;
  lines.insert(lines.end(), results.frames.begin(), results.frames.end());
  entries_.push({at, count_, false, std::move(lines)});
  if (!results.events_after.empty()) entries_.push({newest_, count_, true, results.events_after});
  while (entries_.size() > enough) visit_first();
}

void ResultOrder::visit_first() {
  for (const std::string &line : entries_.top().lines) visitor_(line);
  entries_.pop();
}

void ResultOrder::finish() {
  while (!entries_.empty()) visit_first();
}

}  // namespace uniad
