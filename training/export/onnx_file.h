// SPDX-License-Identifier: Apache-2.0
// Writes a model as ONNX.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/engine/backend/folded.h"
#include "model/statistics/folded_statistics.h"

namespace uniad {

// The contents of an exported file.
struct OnnxContent {
  FoldedNetwork network;
  std::optional<FoldedStatistics> statistics;
  ScoreKind score = ScoreKind::Max;
  std::string version;      // of this program
  std::string description;  // for people
  std::map<std::string, std::string> metadata;
};

// Writes an ONNX file (opset 17) atomically. Input: "image", float32 (batch, 3, height, width), normalized.
// Outputs, float32: "grid" (batch, rows, columns), the anomaly grid; "score" (batch), its image score; with
// statistics, "scene_distance" (batch), as in Detection. Throws Error if the file exceeds 2 GB, the disk is
// full, or this program was built without ONNX.
void write_onnx(const OnnxContent &content, const std::filesystem::path &path);

}  // namespace uniad
