// SPDX-License-Identifier: Apache-2.0
#include "training/train_command.h"

#include "model/error.h"
#include "model/file/weights.h"
#include "training/frame_rate.h"
#include "training/interrupt.h"
#include "training/output.h"
#include "training/train/train.h"
#include "training/train/update.h"

namespace uniad {
namespace {

std::vector<Source> open_training_data(const TrainCommand &command, Progress &progress) {
  auto sources = open_sources(command.data, command.image_dir);
  for (auto &source : sources) {
    for (const auto &remark : source.remarks) progress.say(remark);
    if (source.train.empty())
      throw Error(source.path, "nothing normal to learn from in source " + source.name,
                  "an MVTec folder needs train/good, a list lines with \"label\": 0");
    source.train = limit_frames(source.train, command.max_frames);
    progress.say("source " + source.name + ": " + std::to_string(source.train.size()) +
                 " normal pictures or frames, " + source.path);
  }
  set_frame_rates(sources, command.frame_rate);
  return sources;
}

}  // namespace

void run_train(const TrainCommand &command, Progress &progress) {
  defer_interrupts();
  check_writable(command.options.model);
  auto options = command.options;
  options.backbone = choose_backbone(options.backbone, options.weights);
  options.weights = need_weight_file(options.backbone, options.weights);
  progress.say("backbone " + options.backbone + ", " + options.weights.string());
  options.sources = open_training_data(command, progress);
  require_frame_rates(options.sources, options.threshold.value_or(ThresholdRule{}));
  if (command.keep_features && options.cache.folder.empty()) options.cache.folder = default_cache_folder();
  train(options, progress);
}

void run_update(const TrainCommand &command, Progress &progress) {
  defer_interrupts();
  check_writable(command.options.model);
  auto options = command.options;
  options.sources = open_training_data(command, progress);
  update(options, progress);
}

}  // namespace uniad
