// SPDX-License-Identifier: Apache-2.0
// Reads and writes model files.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "model/base/stored_tensor.h"
#include "model/config/model_config.h"
#include "model/file/file_lock.h"
#include "model/file/provenance.h"
#include "model/health/reference.h"
#include "model/motion/motion_reference.h"
#include "model/scoring/calibration.h"

namespace uniad {

// A model: one safetensors file (docs/architecture.md). Tensor names are the authors' (`backbone.*`,
// `reconstruction.*`), `feature_mean`, `feature_std` (channels) if features are standardized,
// `feature_whitening` (channels x channels) if they are whitened after that, and
// `statistics.*` (model/statistics/cluster_sums.h).
struct Model {
  ModelConfig config;
  Calibration calibration;
  Provenance provenance;
  HealthReferences health;  // of cameras that were learned (model/file/health_file.h)
  MotionReferences motion;  // of videos and cameras (model/file/motion_file.h)
  std::map<std::string, StoredTensor> tensors;
};

inline constexpr int model_file_version = 1;

// Throws Error with the file and the reason: missing, truncated, malicious, another version, or an invalid
// configuration (see check()).
Model read_model(const std::filesystem::path &path);
Model read_model_header(const std::filesystem::path &path);  // tensors without data
// Replaces the file while holding its lock; the second overload is for callers that already hold it.
void write_model(const Model &model, const std::filesystem::path &path);
void write_model(const Model &model, const FileLock &right_to_write);

// The JSON of `uniad.config`; equal texts mean equal networks.
std::string config_text(const ModelConfig &config);

}  // namespace uniad
