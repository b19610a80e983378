// SPDX-License-Identifier: Apache-2.0
#include "training/data/outliers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace uniad {

std::vector<ScoredItem> highest(std::vector<ScoredItem> all, std::size_t count) {
  std::ranges::stable_sort(all, std::ranges::greater(), &ScoredItem::score);
  all.resize(std::min(count, all.size()));
  return all;
}

std::string describe(const ScoredItem &scored) {
  std::ostringstream text;
  text << scored.source << ": " << scored.score << "  " << describe(scored.item);
  return text.str();
}

nlohmann::ordered_json to_json(const std::vector<ScoredItem> &scored) {
  auto all = nlohmann::ordered_json::array();
  for (const auto &[source, item, score] : scored) {
    auto &entry = all.emplace_back();
    entry["source"] = source;
    entry["path"] = item.path.string();
    if (item.frame) entry["frame"] = *item.frame;
    if (item.record) entry["record"] = *item.record;
    entry["score"] = score;
  }
  return all;
}

}  // namespace uniad
