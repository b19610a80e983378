// SPDX-License-Identifier: Apache-2.0
#include "model/engine/engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "model/engine/cpu/cpu_backend.h"
#include "model/engine/folded.h"
#include "model/error.h"
#include "model/statistics/cluster_sums.h"

namespace uniad {
namespace {

// Everything that lives as long as anybody uses it: networks by what was asked for, and what they run on.
class Registry {
 public:
  using Key = std::tuple<FileState, std::string, std::string>;

  // Held while its engine is made, so that nobody makes it twice.
  struct Slot {
    std::mutex mutex;
    std::weak_ptr<Engine> engine;
  };

  std::shared_ptr<Slot> slot(const Key &key) {
    const std::lock_guard lock(mutex_);
    std::erase_if(slots_, [](const auto &item) {
      return item.second.use_count() == 1 && item.second->engine.expired();
    });
    auto &slot = slots_[key];
    if (!slot) slot = std::make_shared<Slot>();
    return slot;
  }

  std::shared_ptr<cpu::ThreadPool> cpu_threads() {
    const std::lock_guard lock(mutex_);
    return alive(cpu_threads_, [] {
      return std::make_shared<cpu::ThreadPool>(
          std::max(static_cast<int>(std::thread::hardware_concurrency()), 1));
    });
  }

  std::shared_ptr<Executor> cpu_executor() {
    const std::lock_guard lock(mutex_);
    return alive(cpu_executor_, [] { return std::make_shared<Executor>(); });
  }

 private:
  template <typename Thing, typename Make>
  static std::shared_ptr<Thing> alive(std::weak_ptr<Thing> &known, Make make) {
    std::shared_ptr<Thing> thing = known.lock();
    if (!thing) known = thing = make();
    return thing;
  }

  std::mutex mutex_;  // guards what follows
  std::map<Key, std::shared_ptr<Slot>> slots_;
  std::weak_ptr<cpu::ThreadPool> cpu_threads_;
  std::weak_ptr<Executor> cpu_executor_;
};

Registry &registry() {
  static Registry all;
  return all;
}

CpuPrecision cpu_precision(const std::string &precision) {
  if (precision == "fp32" || precision == "auto") return CpuPrecision::Fp32;
  if (precision == "bf16") return CpuPrecision::Bf16;
  throw Error("precision", "unknown value '" + precision + "'", "use auto, fp32 or bf16");
}

void require_cpu(const std::string &device) {
  if (device == "auto" || device == "cpu") return;
  if (device.starts_with("cuda"))
    throw Error(device, "this build has no CUDA module", "use device=cpu or device=auto");
  throw Error("device", "unknown value '" + device + "'", "use auto, cpu or cuda:N");
}

}  // namespace

FileState state_of(const std::filesystem::path &path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);
  struct stat status {};
  if (error || stat(canonical.c_str(), &status) != 0) {
    throw Error(path.string(), error ? error.message() : std::generic_category().message(errno),
                "give the path of a file that uniad train or uniad import wrote");
  }
  return {canonical, status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::shared_ptr<Engine> Engine::of_file(const std::filesystem::path &path, const std::string &device,
                                        const std::string &precision) {
  const auto slot = registry().slot({state_of(path), device, precision});
  const std::lock_guard lock(slot->mutex);
  std::shared_ptr<Engine> engine = slot->engine.lock();
  if (!engine) {
    engine = std::make_shared<Engine>(read_model(path), path.string(), device, precision);
    slot->engine = engine;
  }
  return engine;
}

std::shared_ptr<Engine> Engine::of_new_model(const Model &model, const std::string &name,
                                             const std::string &device, const std::string &precision) {
  return std::make_shared<Engine>(model, name, device, precision);
}

Engine::Engine(const Model &model, const std::string &name, const std::string &device,
               const std::string &precision)
    : config_(model.config), calibration_(model.calibration) {
  require_cpu(device);
  const CpuPrecision of_network = cpu_precision(precision);
  if (config_.statistics) {
    const c10::InferenceMode inference;
    statistics_.emplace(load_statistics(model.tensors, config_.statistics->residuals), *config_.statistics);
  }
  network_ = make_cpu_backend(fold(model, name), of_network, registry().cpu_threads());
  executor_ = registry().cpu_executor();
}

void Engine::run(std::span<Picture> pictures, const BatchOptions &batch) {
  executor_->run(*network_, pictures, batch);
}

}  // namespace uniad
