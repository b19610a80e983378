// SPDX-License-Identifier: Apache-2.0
// What was learned since a model file was read, and how it is added to that file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/cluster_sums.h"

namespace uniad {

// Identifies a state of the statistics: equal for equal content.
std::uint64_t identity_of(const Statistics &statistics);

// What was learned on top of a model. It is added to the content of the model's file, which others may have
// changed since.
struct Addition {
  std::uint64_t network = 0;  // network_fingerprint() of the model
  std::uint64_t base = 0;     // identity_of() the statistics that it learned on top of
  Statistics whole;           // the statistics after learning
  Statistics gained;          // of the new pictures only; empty if the means of the old ones have moved
  Calibration calibration;    // of the new pictures
  std::vector<SourceProvenance> sources;
  HealthReferences health{};  // of the new pictures
  MotionReferences motion{};  // likewise
};

// If the model still has the statistics that the addition was learned on top of, they become `whole`. If it
// has others, `gained` is merged into them, so that all pictures count once. Throws Error with `where` if the
// model has another network, or if it has other statistics and `gained` is empty.
void add_to(Model &model, const Addition &addition, const std::string &where);

// The same for the current content of a file, under its lock. Returns the new content.
Model add_to_file(const std::filesystem::path &path, const Addition &addition);

}  // namespace uniad
