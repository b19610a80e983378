// SPDX-License-Identifier: Apache-2.0
// Finds pictures given as normal that differ from the others.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "training/data/source.h"

namespace uniad {

// A picture that was given as normal, and its score.
struct ScoredItem {
  std::string source;
  Item item;
  double score = 0;
};

// Returns the `count` pictures with the highest scores, in descending order. If some pictures are not normal,
// they should be among these.
std::vector<ScoredItem> highest(std::vector<ScoredItem> all, std::size_t count);

// "cam0: 12.3456  cam0.mp4, frame 17"
std::string describe(const ScoredItem &scored);

// [{"source", "path", "frame" (of a video), "record" (of CIFAR-10), "score"}, ...]
nlohmann::ordered_json to_json(const std::vector<ScoredItem> &scored);

}  // namespace uniad
