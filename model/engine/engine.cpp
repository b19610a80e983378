// SPDX-License-Identifier: Apache-2.0
#include "model/engine/engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "model/base/error.h"
#include "model/base/log.h"
#include "model/engine/backend/folded.h"
#include "model/engine/cpu/cpu_backend.h"
#include "model/engine/cuda_module.h"
#include "model/engine/torch_backend.h"
#include "model/file/fingerprint.h"
#include "model/file/model_statistics.h"
#include "model/statistics/cluster_sums.h"
#include "model/statistics/one_torch_thread.h"

namespace uniad {
namespace {

// The objects that the process shares, each of which lives as long as it is used: engines, by file, device
// and precision, and what they run on.
class Registry {
 public:
  using Key = std::tuple<FileState, std::string, std::string>;

  // Locked while its engine is created, so that it is created only once.
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

  std::shared_ptr<ModelStore> store(const std::filesystem::path &path) {
    std::error_code unreadable;
    const auto key = std::filesystem::weakly_canonical(std::filesystem::absolute(path), unreadable);
    const std::lock_guard lock(mutex_);
    std::erase_if(stores_,
                  [](const auto &item) { return item.second.use_count() == 1 && item.second->empty(); });
    auto &store = stores_[unreadable ? path : key];
    if (!store) store = std::make_shared<ModelStore>(path);
    return store;
  }

  std::shared_ptr<cpu::ThreadPool> cpu_threads() {
    const std::lock_guard lock(mutex_);
    return alive(cpu_threads_, [] {
      return std::make_shared<cpu::ThreadPool>(
          std::max(static_cast<int>(std::thread::hardware_concurrency()), 1));
    });
  }

  std::shared_ptr<Executor> executor(const std::string &device) {
    const std::lock_guard lock(mutex_);
    return alive(executors_[device], [] { return std::make_shared<Executor>(); });
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
  std::map<std::filesystem::path, std::shared_ptr<ModelStore>> stores_;
  std::weak_ptr<cpu::ThreadPool> cpu_threads_;
  std::map<std::string, std::weak_ptr<Executor>> executors_;  // by device
};

Registry &registry() {
  static Registry all;
  return all;
}

cpu::Precision cpu_precision(const std::string &precision, std::string &warning) {
  constexpr auto fp32 = cpu::Precision::Fp32;
  if (precision == "fp32" || precision == "auto") return fp32;
  const auto wanted = precision == "bf16" ? cpu::Precision::Bf16 : cpu::Precision::Int8;
  if (precision != "fp16" && cpu_has(wanted)) return wanted;
  warning = "precision=" + precision + ": this processor has no arithmetic for it; fp32 is used instead.";
  return fp32;
}

void check_precision(const std::string &precision) {
  for (const char *known : {"auto", "fp32", "bf16", "fp16", "int8"})
    if (precision == known) return;
  throw Error(ErrorKind::Unsupported, "precision", "unknown value '" + precision + "'",
              "use auto, fp32, bf16, fp16 (GPU) or int8 (CPU)");
}

// Returns the result of `make`. If memory or the number of threads is insufficient, throws an Error instead
// of LibTorch's exception, whose message contains a backtrace.
template <typename Make>
auto within_memory(const std::string &name, Make make) {
  const auto too_little = [&] {
    return Error(ErrorKind::OutOfMemory, name, "does not fit into memory",
                 "free some, raise the limit of memory and of threads, or train on a smaller --backbone");
  };
  try {
    return make();
  } catch (const std::bad_alloc &) {
    throw too_little();
  } catch (const std::system_error &error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    throw too_little();
  } catch (const c10::Error &error) {
    if (is_out_of_memory(error)) throw too_little();
    throw Error(ErrorKind::Internal, name, error.what_without_backtrace(),
                "this is LibTorch's error: please report it");
  }
}

}  // namespace

std::string choose_device(const std::string &device) {
  if (device == "cpu") return device;
  if (device == "auto") return cuda_usable(nullptr) ? "cuda:0" : "cpu";
  if (device == "cuda") return "cuda:0";
  constexpr std::string_view prefix = "cuda:";
  const bool numbered = device.starts_with(prefix) && device.size() > prefix.size() &&
                        device.size() < prefix.size() + 4 &&
                        device.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
  if (!numbered)
    throw Error(ErrorKind::Unsupported, "device", "unknown value '" + device + "'",
                "use auto, cpu, cuda or cuda:N");
  return device;
}

FileState state_of(const std::filesystem::path &path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);
  struct stat status {};
  if (error || stat(canonical.c_str(), &status) != 0) {
    throw Error(ErrorKind::InvalidArgument, path.string(),
                error ? error.message() : std::generic_category().message(errno),
                "give the path of a file that uniad train or uniad import wrote");
  }
  return {canonical, status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::shared_ptr<ModelStore> model_store_of(const std::filesystem::path &path) {
  return registry().store(path);
}

std::shared_ptr<Engine> Engine::of_file(const std::filesystem::path &path, const std::string &device,
                                        const std::string &precision) {
  check_precision(precision);
  const std::string on = choose_device(device);
  // On the CPU, "auto" is fp32.
  const auto slot =
      registry().slot({state_of(path), on, on == "cpu" && precision == "auto" ? "fp32" : precision});
  const std::lock_guard lock(slot->mutex);
  std::shared_ptr<Engine> engine = slot->engine.lock();
  if (!engine) {
    engine = within_memory(path.string(), [&] {
      return std::make_shared<Engine>(read_model(path), path.string(), on, precision);
    });
    slot->engine = engine;
  }
  return engine;
}

std::shared_ptr<Engine> Engine::of_new_model(const Model &model, const std::string &name,
                                             const std::string &device, const std::string &precision) {
  check_precision(precision);
  return within_memory(
      name, [&] { return std::make_shared<Engine>(model, name, choose_device(device), precision); });
}

Engine::Engine(const Model &model, const std::string &name, const std::string &device,
               const std::string &precision)
    : config_(model.config),
      calibration_(model.calibration),
      health_(model.health),
      motion_(model.motion),
      known_(identity_of({})),
      network_fingerprint_(network_fingerprint(model)),
      executor_(registry().executor(device)) {
  // The GPU comes first, because LibTorch looks for its CUDA part only once, at the first use.
  if (device == "cpu") {
    const cpu::Precision of_network = cpu_precision(precision, warning_);
    const std::shared_ptr<cpu::ThreadPool> threads = registry().cpu_threads();
    network_ = make_cpu_backend(fold(model, name), of_network, threads);
    if (config_.reconstruction && !foldable(*config_.reconstruction)) {
      const auto type = of_network == cpu::Precision::Bf16 ? torch::kBFloat16 : torch::kFloat32;
      network_ = make_torch_backend(std::move(network_), model, name, type, threads);
      warning_ += std::string(warning_.empty() ? "" : " ") +
                  "The reconstruction of this model is an experiment's: LibTorch runs it, slower than UniAD.";
    }
  } else {
    if (precision == "int8")
      throw Error(ErrorKind::Unsupported, "precision", "int8 is not for the GPU",
                  "use precision=auto, fp32, bf16 or fp16 there");
    network_ = open_cuda_backend(model, name, cuda_device_number(device), precision);
  }
  if (config_.statistics) {
    const OneTorchThread one_thread;
    const c10::InferenceMode inference;
    const Statistics known = statistics_of(model);
    known_ = identity_of(known);
    statistics_.emplace(known, *config_.statistics);
  }
  log(LogLevel::Info, name + ": opened on " + network_->description() + ".");
}

std::unique_ptr<Executor::Stream> Engine::open_stream() {
  return std::make_unique<Executor::Stream>(*executor_, *network_);
}

}  // namespace uniad
