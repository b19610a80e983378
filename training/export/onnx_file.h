// SPDX-License-Identifier: Apache-2.0
// Writes a model as ONNX.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/engine/backend/folded.h"
#include "model/scoring/image_term.h"
#include "model/statistics/folded_statistics.h"

namespace uniad {

// The contents of an exported file.
struct OnnxContent {
  FoldedNetwork network;
  std::optional<FoldedStatistics> statistics;
  ScoreKind score = ScoreKind::Max;
  std::optional<ImageTerm> image;  // of all sources together
  std::string version;             // of this program
  std::string description;         // for people
  std::map<std::string, std::string> metadata;
};

// Writes an ONNX file (opset 17) atomically. Input: "image", float32 (batch, 3, height, width), normalized.
// Outputs, float32: "grid" (batch, rows, columns), the anomaly grid; "score" (batch), as in Detection, by the
// image term if there is one; with statistics, "scene_distance" (batch), as in Detection, and
// "image_distance" (batch), Scene::image, if they can tell. Throws Error if the file exceeds 2 GB, the disk
// is full, or this program was built without ONNX.
void write_onnx(const OnnxContent &content, const std::filesystem::path &path);

}  // namespace uniad
