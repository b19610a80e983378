// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "training/progress.h"

namespace uniad {

struct ImportOptions {
  std::vector<std::string> checkpoints;
  std::filesystem::path model;
};

// Turns the files of other projects into ours: a checkpoint of the authors' code (with a backbone's weight
// file beside it where it holds none) into a model; a backbone's weight file alone into the same in
// safetensors.
void import_files(const ImportOptions &options, Progress &progress);

}  // namespace uniad
