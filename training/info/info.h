// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace uniad {

struct InfoOptions {
  std::filesystem::path model;
  std::string json;         // file or "-"; empty: text on standard output
  bool complexity = false;  // what its stages cost instead (complexity_report.h)
};

// Tells what a model file holds from its header alone. JSON: {"config", "calibration", "provenance"} as in
// the file, "version", "tensors" (how many) and "parameters" (their elements).
void info(const InfoOptions &options);

}  // namespace uniad
