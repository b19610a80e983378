// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "training/data/source.h"

namespace uniad {

// A picture that is said to be normal, and the score it gets.
struct ScoredItem {
  std::string source;
  Item item;
  double score = 0;
};

// The `count` with the highest scores, these first: where what was given as normal is not, it is among them.
std::vector<ScoredItem> highest(std::vector<ScoredItem> all, std::size_t count);

// "cam0: 12.3456  cam0.mp4, frame 17"
std::string describe(const ScoredItem &scored);

// [{"source", "path", "frame" (of a video), "record" (of CIFAR-10), "score"}, ...]
nlohmann::ordered_json to_json(const std::vector<ScoredItem> &scored);

}  // namespace uniad
