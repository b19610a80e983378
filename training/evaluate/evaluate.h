// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "training/progress.h"

namespace uniad {

struct EvaluateOptions {
  std::filesystem::path model;
  std::vector<std::string> data;    // [NAME=]PATH
  std::filesystem::path image_dir;  // of lists
  std::filesystem::path labels;     // CSV for videos; empty: none
  std::string json;                 // file or "-"; empty: none
  DetectorOptions detector;
};

// Judges the test items of every source and writes the figures: a table to standard output (unless the JSON
// goes there), and JSON {"classes": {NAME: {"images": N, FIGURE: value, ...}}, "mean": {FIGURE: value, ...}}
// with the names of figures.h.
void evaluate(const EvaluateOptions &options, Progress &progress);

}  // namespace uniad
