// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/engine/event_rule.h"
#include "training/evaluate/truth.h"
#include "training/progress.h"

namespace uniad {

struct EvaluateOptions {
  std::filesystem::path model;
  std::vector<std::string> data;    // [NAME=]PATH
  std::filesystem::path image_dir;  // of lists
  std::optional<int> bit_depth;     // of values of 16 bits so many are used; absent: all
  std::filesystem::path labels;     // CSV for videos; empty: none
  LabelRule label_rule = LabelRule::Reference;
  // Seconds, see events.h. As uniaddetect joins frames to events unless its hold-time is set.
  double event_gap = std::chrono::duration<double>(default_hold_time).count();
  std::string json;                    // file or "-"; empty: none
  std::filesystem::path report;        // folder for report.html; empty: none
  std::filesystem::path training_log;  // that `uniad train --log` wrote, for the report; empty: none
  DetectorOptions detector;
};

// Judges the test items of every source and writes the figures: a table (unless the JSON goes to standard
// output), JSON (table.h), and a page for a browser (report/page.h).
void evaluate(const EvaluateOptions &options, std::ostream &table, Progress &progress);

}  // namespace uniad
