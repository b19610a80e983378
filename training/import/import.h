// SPDX-License-Identifier: Apache-2.0
// The subcommand import.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct ImportOptions {
  std::vector<std::string> checkpoints;
  std::filesystem::path model;
};

// Converts files of other projects: a checkpoint of the authors' code (with a separate weight file if it does
// not contain the backbone) to a model, or a backbone's weight file alone to a safetensors file.
void import_files(const ImportOptions &options, Progress &progress);

void describe_import(CLI::App &app, ImportOptions &options);

}  // namespace uniad
