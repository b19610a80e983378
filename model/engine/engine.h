// SPDX-License-Identifier: Apache-2.0
// A model that is open on a device, shared by its detectors.
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

// Identifies a state of a file.
struct FileState {
  std::filesystem::path path;  // canonical
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t changed = 0;  // time of the last change, in nanoseconds
  auto operator<=>(const FileState &) const = default;
};

// Throws Error if the file does not exist.
FileState state_of(const std::filesystem::path &path);

// What this process has learned for the file. It exists as long as it is used or contains something that is
// not stored elsewhere.
std::shared_ptr<ModelStore> model_store_of(const std::filesystem::path &path);

// Resolves "auto", "cpu", "cuda" or "cuda:N" to "cpu" or "cuda:N". Throws Error for any other device.
std::string choose_device(const std::string &device);

// A model's network on a device, and its statistics: everything that the detectors of a model share.
// Immutable.
class Engine {
 public:
  // The engine of this file, device and precision. It is shared by all callers and destroyed with its last
  // user. Throws Error.
  static std::shared_ptr<Engine> of_file(const std::filesystem::path &path, const std::string &device,
                                         const std::string &precision);
  // The engine of a model that has no file yet; name: used in errors.
  static std::shared_ptr<Engine> of_new_model(const Model &model, const std::string &name,
                                              const std::string &device, const std::string &precision);

  Engine(const Model &model, const std::string &name, const std::string &device,
         const std::string &precision);

  // Opens a stream through which pictures are run. The engine must outlive it.
  std::unique_ptr<Executor::Stream> open_stream();

  const ModelConfig &config() const { return config_; }
  const Calibration &calibration() const { return calibration_; }
  const std::optional<RoutedGaussians> &statistics() const { return statistics_; }
  const HealthReferences &health() const { return health_; }
  const MotionReferences &motion() const { return motion_; }
  std::uint64_t known() const { return known_; }  // identity_of() the statistics of the model
  std::uint64_t network() const { return network_fingerprint_; }
  std::string description() const { return network_->description(); }
  const std::string &warning() const { return warning_; }  // Detector::warning

 private:
  ModelConfig config_;
  Calibration calibration_;
  std::optional<RoutedGaussians> statistics_;
  HealthReferences health_;
  MotionReferences motion_;
  std::uint64_t known_ = 0;
  std::uint64_t network_fingerprint_;
  std::string warning_;
  std::shared_ptr<Executor> executor_;
  std::unique_ptr<Backend> network_;
};

}  // namespace uniad
