// SPDX-License-Identifier: Apache-2.0
// The subcommand evaluate.
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/scoring/event_rule.h"
#include "training/base/progress.h"
#include "training/evaluate/figures/truth.h"

namespace CLI {
class App;
}

namespace uniad {

struct EvaluateOptions {
  std::filesystem::path model;
  std::vector<std::string> data;    // [NAME=]PATH
  std::vector<std::string> zones;   // [NAME=]FILE
  std::filesystem::path image_dir;  // base folder of the file names in lists
  std::optional<int> bit_depth;     // significant bits of 16-bit values; absent: all
  std::filesystem::path labels;     // CSV for videos; empty: none
  LabelRule label_rule = LabelRule::Reference;
  EventRules event_rules;              // those of uniaddetect
  std::string json;                    // file or "-"; empty: none
  std::filesystem::path report;        // folder for report.html; empty: none
  std::filesystem::path training_log;  // written by `uniad train --log`, for the report; empty: none
  DetectorOptions detector;
};

// Judges the test items of every source and writes the metrics as a table (unless the JSON is written to
// standard output), as JSON (table.h), and as an HTML page (report/page.h).
void evaluate(const EvaluateOptions &options, std::ostream &table, Progress &progress);

void describe_evaluate(CLI::App &app, EvaluateOptions &options);

}  // namespace uniad
