// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// What one stage of a model's network costs.
struct Stage {
  std::string name;
  std::int64_t parameters = 0;  // learned numbers; of the statistics: none
  std::int64_t macs = 0;        // multiplications that are added up, for one picture
};

// "backbone", "neck" (four for each resampled value, and whitening), then of a model with a reconstruction
// "projections" (positions too), "encoder" and "decoder", or "cnn"; of a model with them "statistics" (a
// triangular matrix on every token). Norms, activations and softmax are not counted. The MACs of the backbone
// are those of its folded form, to the last tapped stage. Throws Error as fold() does.
std::vector<Stage> count_stages(const Model &model);

}  // namespace uniad
