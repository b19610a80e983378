// SPDX-License-Identifier: Apache-2.0
// The subcommand predict.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct PredictOptions {
  std::filesystem::path model;
  std::vector<std::string> data;   // [NAME=]PATH
  std::vector<std::string> zones;  // [NAME=]FILE
  std::filesystem::path image_dir;
  std::optional<int> bit_depth;   // significant bits of 16-bit values; absent: all
  std::string json;               // file or "-"; empty: none
  std::filesystem::path overlay;  // folder for heatmaps; empty: none
  DetectorOptions detector;
};

// Judges every picture and frame. Writes a line for each to standard output or, with `json`, one JSON object
// per line: {"path", "frame" (videos), "source", "score", "threshold", "probability", "anomalous", "regions":
// [{"x", "y", "w", "h", "score"}]}; threshold and probability are absent without a calibration. `overlay`
// receives a JPEG for each, NUMBER_NAME.jpg.
void predict(const PredictOptions &options, Progress &progress);

void describe_predict(CLI::App &app, PredictOptions &options);

}  // namespace uniad
