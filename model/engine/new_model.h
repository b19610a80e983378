// SPDX-License-Identifier: Apache-2.0
// A model that has learned nothing yet, for live learning.
#pragma once

#include <string>

#include "model/file/model_file.h"

namespace uniad {

// On the backbone of that name, or on the best whose weights are found ("auto"). Throws Error if there are no
// weights.
Model begin_model(const std::string &wanted_backbone);

}  // namespace uniad
