// SPDX-License-Identifier: Apache-2.0
// What was learned since a model file was read, and how it gets into that file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/cluster_sums.h"

namespace uniad {

// What tells one state of what is known from another.
std::uint64_t identity_of(const Statistics &statistics);

// What was learned on top of a model, to be added to whatever its file holds by then.
struct Addition {
  std::uint64_t network = 0;  // network_fingerprint() of the model
  std::uint64_t base = 0;     // identity_of() what it knew
  Statistics whole;           // what it knows now
  Statistics gained;          // of the new pictures alone; none where the means of the old ones have moved
  Calibration calibration;    // of the new pictures
  std::vector<SourceProvenance> sources;
  HealthReferences health{};  // of the new pictures
};

// Where the model knows what the addition was learned on top of, it then knows `whole`; where it knows
// something else, what was gained is merged into that: all pictures count once. Throws Error, naming `where`,
// for a model with another network, and where it knows something else and nothing was gained.
void add_to(Model &model, const Addition &addition, const std::string &where);

// The same to a file as it is by now, under its lock. Returns what it holds then.
Model add_to_file(const std::filesystem::path &path, const Addition &addition);

}  // namespace uniad
