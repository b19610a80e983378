// SPDX-License-Identifier: Apache-2.0
// The subcommand extract.
#pragma once

#include <filesystem>
#include <string>

#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct ExtractOptions {
  std::filesystem::path recording;
  std::string json;  // file or "-"; empty: standard output
};

// Writes the results that a recording contains as JSON lines, in the order of presentation. Throws Error
// after what can be read if the file is damaged or cut short.
void extract(const ExtractOptions &options, Progress &progress);

void describe_extract(CLI::App &app, ExtractOptions &options);

}  // namespace uniad
