// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/calibration.h"
#include "model/engine/detector.h"
#include "training/progress.h"

namespace uniad {

struct CalibrateOptions {
  std::filesystem::path model;             // replaced when done
  std::vector<std::string> data;           // [NAME=]PATH; none: the scores that are known, by `threshold`
  std::filesystem::path image_dir;         // of lists
  std::optional<int> bit_depth;            // of values of 16 bits so many are used; absent: all
  std::filesystem::path labels;            // CSV for videos; empty: none
  std::optional<ThresholdRule> threshold;  // absent: the model's own rule
  std::optional<double> frame_rate;        // frames a second, instead of what the videos say
  std::optional<std::size_t> max_frames;   // of a source's videos, evenly spread; absent: all
  bool dry_run = false;                    // the file stays as it is
  std::string json;                        // file or "-"; empty: none
  DetectorOptions detector;
};

// Judges new normal footage, draws the thresholds of its sources anew and replaces the model file; what the
// model knows of normal features stays. Items that the data calls abnormal are left out. Sources with fewer
// than fewest_scores scores, and those that the data does not name, keep their calibration; the pooled one is
// that of all sources together (replace(), model/engine/calibration.h). Prints old and new thresholds, what
// they rest on and how far the scores have moved: a table to standard output (unless the JSON goes there),
// and JSON {"rule", "written", "pooled": {...}, "sources": {NAME: {"frames", "abnormal_left_out",
// "unknown_scenes", "runs", "level", "mean", "standard_deviation", "threshold", "interval": [low, high],
// "false_alarms_per_hour", "old_threshold", "shift", "doubts": [...]}}, "kept": [NAME, ...]}; what is not
// known is absent. Without data all thresholds are drawn by another rule, which is no quantile. Throws Error
// where no source gives a threshold, and where somebody else wrote the file meanwhile; the old file is whole
// until the new one is.
void calibrate_model(const CalibrateOptions &options, Progress &progress);

}  // namespace uniad
