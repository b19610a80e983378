// SPDX-License-Identifier: Apache-2.0
// Parameters and multiplications of a network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// The cost of one stage of a model's network.
struct Stage {
  std::string name;
  std::int64_t parameters = 0;  // learned numbers; 0 for the statistics
  std::int64_t macs = 0;        // multiply-accumulate operations for one picture
};

// The stages are "backbone" and "neck" (four for each resampled value, and whitening); with a reconstruction
// network, "projections" (including positions), "encoder" and "decoder", or "cnn"; with statistics,
// "statistics" (a triangular matrix for each token). Norms, activations and softmax are not counted. The MACs
// of the backbone are those of its folded form up to the last tapped stage. Throws Error as fold() does.
std::vector<Stage> count_stages(const Model &model);

}  // namespace uniad
