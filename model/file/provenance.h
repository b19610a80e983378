// SPDX-License-Identifier: Apache-2.0
// The provenance of a model: its sources, recipe and weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace uniad {

// Equal within 5 %. The network resizes all pictures to one shape, so a picture with another aspect ratio is
// distorted and looks different to it.
inline bool same_aspect_ratio(double a, double b) {
  return a <= 1.05 * b && b <= 1.05 * a;
}

struct SourceProvenance {
  std::string name;            // source name
  std::string path;            // as given on the command line
  std::int64_t trained = 0;    // pictures or frames trained on
  std::int64_t held_back = 0;  // held out for the calibration
  double aspect_ratio = 0;     // width / height of the pictures; 0: not known, as in older files
};

struct Provenance {
  std::vector<SourceProvenance> sources;
  std::string recipe;
  std::int64_t steps = 0;
  std::string selected;  // "step 300 of 400: smallest held-out loss, 0.41"; empty: no steps
  std::uint64_t seed = 0;
  std::string program_version;
  std::string weight_file;
  std::string weight_license;
};

// Adds pictures of a source to the provenance; a new path is added to the existing ones.
void add_source(Provenance &provenance, const SourceProvenance &source);

}  // namespace uniad
