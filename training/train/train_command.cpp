// SPDX-License-Identifier: Apache-2.0
#include "training/train/train_command.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <system_error>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/file/weights.h"
#include "training/base/interrupt.h"
#include "training/base/output.h"
#include "training/data/frame_rate.h"
#include "training/data/record.h"
#include "training/train/train.h"
#include "training/train/update.h"

namespace uniad {
namespace {

// A folder that is removed on destruction.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-recording-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw Error(ErrorKind::Unwritable, pattern, "cannot be created", "set TMPDIR to a writable folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code left_behind;
    std::filesystem::remove_all(path_, left_behind);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  const std::filesystem::path &path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The data, in which every stream is replaced by the file of its recording.
struct RecordedData {
  std::vector<std::string> data;
  std::map<std::string, std::string> streams;  // by the file of its recording
  std::unique_ptr<TemporaryFolder> folder;     // null if there are no streams
};

RecordedData record_streams(const TrainCommand &command, Interrupts &interrupts, Progress &progress) {
  RecordedData recorded{command.data, {}, nullptr};
  std::vector<std::size_t> live;
  std::vector<std::string> uris;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < command.data.size(); ++i) {
    const std::string &spec = command.data[i];
    const auto equals = spec.find('=');
    const bool named = !is_live(spec) && equals != std::string::npos && is_live(spec.substr(equals + 1));
    if (!named && !is_live(spec)) continue;
    live.push_back(i);
    uris.push_back(named ? spec.substr(equals + 1) : spec);
    names.push_back(named ? spec.substr(0, equals) : name_of_stream(spec));
  }
  if (live.empty()) return recorded;
  recorded.folder = std::make_unique<TemporaryFolder>();
  interrupts.remove_at_end(recorded.folder->path());
  const auto files = record(uris, command.record_seconds, recorded.folder->path(), progress);
  for (std::size_t i = 0; i < live.size(); ++i) {
    recorded.data[live[i]] = names[i] + "=" + files[i].string();
    recorded.streams[files[i].string()] = without_credentials(uris[i]);
  }
  return recorded;
}

std::vector<Source> open_training_data(const TrainCommand &command, const RecordedData &recorded,
                                       Progress &progress) {
  auto sources = open_sources(recorded.data, {command.image_dir, command.bit_depth, &progress});
  for (auto &source : sources) {
    for (const auto &warning : source.warnings) progress.say(warning);
    for (const auto &[file, uri] : recorded.streams)
      if (const auto at = source.path.find(file); at != std::string::npos)
        source.path.replace(at, file.size(), uri);
    if (source.train.empty())
      throw Error(ErrorKind::InvalidArgument, source.path,
                  "there is no normal data to learn from in source " + source.name,
                  "a folder in MVTec layout needs train/good, and a list needs lines with \"label\": 0");
    source.train = limit_frames(source.train, command.max_frames);
    progress.say("source " + source.name + ": " + std::to_string(source.train.size()) +
                 " normal pictures or frames, " + source.path);
  }
  set_frame_rates(sources, command.frame_rate);
  return sources;
}

}  // namespace

void run_train(const TrainCommand &command, Progress &progress) {
  Interrupts interrupts(progress);
  check_model(command.options.model, "--model");
  check_openable(command.options.log.string(), "--log");
  if (!command.options.tensorboard.empty()) make_folder(command.options.tensorboard, "--tensorboard");
  auto options = command.options;
  options.interrupts = &interrupts;
  options.backbone = choose_backbone(options.backbone, options.weights);
  options.weights = need_weight_file(options.backbone, options.weights);
  progress.say("backbone " + options.backbone + ", " + options.weights.string());
  const RecordedData recorded = record_streams(command, interrupts, progress);
  options.sources = open_training_data(command, recorded, progress);
  options.zones = read_source_zones(command.zones, options.sources, progress);
  require_frame_rates(options.sources, options.threshold.value_or(ThresholdRule{}));
  if (command.keep_features && options.cache.folder.empty()) options.cache.folder = default_cache_folder();
  train(options, progress);
}

void run_update(const TrainCommand &command, Progress &progress) {
  Interrupts interrupts(progress);
  check_model(command.options.model, "--model");
  auto options = command.options;
  options.interrupts = &interrupts;
  const RecordedData recorded = record_streams(command, interrupts, progress);
  options.sources = open_training_data(command, recorded, progress);
  options.zones = read_source_zones(command.zones, options.sources, progress);
  update(options, progress);
}

}  // namespace uniad
