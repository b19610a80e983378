// SPDX-License-Identifier: Apache-2.0
// Creates a model that has learned nothing yet, for live learning.
#pragma once

#include <string>

#include "model/file/model_file.h"

namespace uniad {

// Creates the model on this backbone, or for "auto" on the best one whose weights are found. Throws Error if
// there are no weights.
Model begin_model(const std::string &wanted_backbone);

}  // namespace uniad
