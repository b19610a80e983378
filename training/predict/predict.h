// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "training/progress.h"

namespace uniad {

struct PredictOptions {
  std::filesystem::path model;
  std::vector<std::string> data;  // [NAME=]PATH
  std::filesystem::path image_dir;
  std::optional<int> bit_depth;   // of values of 16 bits so many are used; absent: all
  std::string json;               // file or "-"; empty: none
  std::filesystem::path overlay;  // folder for heatmaps; empty: none
  DetectorOptions detector;
};

// Judges every picture and frame. Writes a line for each to standard output, or, with `json`, one JSON object
// a line: {"path", "frame" (videos), "source", "score", "threshold", "probability", "anomalous", "regions":
// [{"x", "y", "w", "h", "score"}]}; threshold and probability are absent without a calibration. `overlay`
// receives a JPEG for each, NUMBER_NAME.jpg.
void predict(const PredictOptions &options, Progress &progress);

}  // namespace uniad
