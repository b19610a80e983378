// SPDX-License-Identifier: Apache-2.0
// A model that is open on a device; detectors of one model share it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/engine/backend/backend.h"
#include "model/engine/executor.h"
#include "model/engine/model_store.h"
#include "model/file/model_file.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

// What tells one state of a file from another.
struct FileState {
  std::filesystem::path path;  // canonical
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t changed = 0;  // nanoseconds
  auto operator<=>(const FileState &) const = default;
};

// Throws Error where there is no such file.
FileState state_of(const std::filesystem::path &path);

// What this process has learned into that file. It stays as long as somebody uses it, or it holds what is
// nowhere else.
std::shared_ptr<ModelStore> model_store_of(const std::filesystem::path &path);

// "auto", "cpu", "cuda" or "cuda:N" -> "cpu" or "cuda:N". Throws Error for any other.
std::string choose_device(const std::string &device);

// A model's network on a device, and what the model knows: all that detectors of one model have in common.
// Nothing in it changes.
class Engine {
 public:
  // The engine of that file, device and precision, shared with everybody who has it; it goes with its last
  // user. Throws Error.
  static std::shared_ptr<Engine> of_file(const std::filesystem::path &path, const std::string &device,
                                         const std::string &precision);
  // Of a model that is in no file yet; `name` for errors.
  static std::shared_ptr<Engine> of_new_model(const Model &model, const std::string &name,
                                              const std::string &device, const std::string &precision);

  Engine(const Model &model, const std::string &name, const std::string &device,
         const std::string &precision);

  // The way to have pictures judged; the engine outlives it.
  std::unique_ptr<Executor::Stream> open_stream();

  const ModelConfig &config() const { return config_; }
  const Calibration &calibration() const { return calibration_; }
  const std::optional<RoutedGaussians> &statistics() const { return statistics_; }
  const HealthReferences &health() const { return health_; }
  std::uint64_t known() const { return known_; }  // identity_of() what the statistics were made from
  std::uint64_t network() const { return network_fingerprint_; }
  std::string description() const { return network_->description(); }
  const std::string &warning() const { return warning_; }  // Detector::warning

 private:
  ModelConfig config_;
  Calibration calibration_;
  std::optional<RoutedGaussians> statistics_;
  HealthReferences health_;
  std::uint64_t known_ = 0;
  std::uint64_t network_fingerprint_;
  std::string warning_;
  std::shared_ptr<Executor> executor_;
  std::unique_ptr<Backend> network_;
};

}  // namespace uniad
