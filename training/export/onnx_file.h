// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/engine/folded.h"
#include "model/statistics/folded_statistics.h"

namespace uniad {

// What an exported file holds.
struct OnnxContent {
  FoldedNetwork network;
  std::optional<FoldedStatistics> statistics;
  ScoreKind score = ScoreKind::Max;
  std::string version;      // of this program
  std::string description;  // for people
  std::map<std::string, std::string> metadata;
};

// Writes an ONNX file of opset 17: the old file is whole until the new one is. In: "image", float32 (batch,
// 3, height, width), normalised. Out, float32: "grid" (batch, rows, columns), the anomaly grid; "score"
// (batch), the image score of it; with statistics "scene_distance" (batch), as in Detection. Throws Error:
// above 2 GB, disk full, or where this program was built without ONNX.
void write_onnx(const OnnxContent &content, const std::filesystem::path &path);

}  // namespace uniad
