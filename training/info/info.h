// SPDX-License-Identifier: Apache-2.0
// The subcommand info.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace uniad {

struct InfoOptions {
  std::filesystem::path model;
  std::string json;         // file or "-"; empty: text on standard output
  bool complexity = false;  // show the cost of its stages instead (complexity_report.h)
};

// Prints the contents of a model file from its header alone. JSON: {"config", "calibration", "provenance"} as
// in the file, "version", "tensors" (their number) and "parameters" (the number of their elements).
void info(const InfoOptions &options);

void describe_info(CLI::App &app, InfoOptions &options);

}  // namespace uniad
