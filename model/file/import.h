// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "model/file/model_file.h"

namespace uniad {

// A model out of a checkpoint of the authors' code (keys `module.reconstruction.*`, where present
// `module.backbone.*`). One of the files is the checkpoint; the backbone's weights come from the checkpoint,
// else from a second file, else from where find_weight_file finds them.
//
// Sizes, layers, taps and input size are read off the tensors. What tensors do not tell is the authors'
// default: 8 heads, a 7x7 neighbour mask in all attentions, jitter 20. No calibration. Throws Error.
Model import_checkpoint(std::span<const std::filesystem::path> files);

}  // namespace uniad
