// SPDX-License-Identifier: Apache-2.0
// Converts checkpoints of the authors' code to models.
#pragma once

#include <filesystem>
#include <span>

#include "model/file/model_file.h"

namespace uniad {

// Converts a checkpoint of the authors' code (keys `module.reconstruction.*` and, if present,
// `module.backbone.*`) to a model. One of the files is the checkpoint. The backbone's weights are those of a
// second file, of the checkpoint, or of find_weight_file, in this order.
//
// Sizes, layers, taps and input size are derived from the tensors. The other values are the authors'
// defaults: 8 heads, a 7x7 neighbor mask in all attentions, jitter 20. The model has no calibration. Throws
// Error.
Model import_checkpoint(std::span<const std::filesystem::path> files);

}  // namespace uniad
