// SPDX-License-Identifier: Apache-2.0
// The subcommand calibrate.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/scoring/calibration.h"
#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct CalibrateOptions {
  std::filesystem::path model;             // replaced on success
  std::vector<std::string> data;           // [NAME=]PATH; empty: apply `threshold` to the stored scores
  std::vector<std::string> zones;          // [NAME=]FILE
  std::filesystem::path image_dir;         // base folder of the file names in lists
  std::optional<int> bit_depth;            // significant bits of 16-bit values; absent: all
  std::filesystem::path labels;            // CSV for videos; empty: none
  std::optional<ThresholdRule> threshold;  // absent: the model's own rule
  std::optional<double> frame_rate;        // frames per second, instead of the frame rate of the videos
  std::optional<std::size_t> max_frames;   // per source, evenly spaced; absent: all
  bool dry_run = false;                    // do not change the file
  std::string json;                        // file or "-"; empty: none
  DetectorOptions detector;
};

// Judges new normal footage, recomputes the thresholds of its sources and replaces the model file; the
// statistics of normal features are not changed. Items that the data labels as abnormal are left out. Sources
// with fewer than fewest_scores scores, and those that are not in the data, keep their calibration; the
// pooled one is that of all sources together (replace(), model/scoring/calibration.h). Reports old and new
// thresholds, what they are computed from and how far the scores have moved: as a table on standard output
// (unless the JSON is written there), and as JSON {"rule", "written", "pooled": {...}, "sources": {NAME:
// {"frames", "abnormal_left_out", "unknown_scenes", "runs", "level", "mean", "standard_deviation",
// "threshold", "interval": [low, high], "false_alarms_per_hour", "old_threshold", "shift", "doubts": [...],
// "motion": {...}}}, "kept": [NAME, ...]}; unknown values are absent. Without data, all thresholds are
// computed by another rule, which cannot be a quantile. Thresholds of motion scores count false alarms an
// hour by any rule; a rule that does not leaves theirs as it is. Throws Error if there are too few scores for
// any threshold, or if another process has changed the file in the meantime. The file is replaced atomically.
void calibrate_model(const CalibrateOptions &options, Progress &progress);

void describe_calibrate(CLI::App &app, CalibrateOptions &options);

}  // namespace uniad
