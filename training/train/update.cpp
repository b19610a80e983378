// SPDX-License-Identifier: Apache-2.0
#include "training/train/update.h"

#include <torch/torch.h>

#include <utility>

#include "model/base/error.h"
#include "model/engine/addition.h"
#include "model/file/file_lock.h"
#include "model/file/fingerprint.h"
#include "model/file/model_statistics.h"
#include "model/network.h"
#include "model/scoring/calibration.h"
#include "model/statistics/cluster_sums.h"
#include "model/statistics/clusters.h"
#include "training/base/output.h"
#include "training/data/frame_rate.h"
#include "training/train/statistics.h"

namespace uniad {
namespace {

Model read_model_with_statistics(const std::filesystem::path &path) {
  Model model = read_model(path);
  if (!model.config.statistics) {
    throw Error(ErrorKind::InvalidArgument, path.string(), "has no statistics to update or merge",
                "train it with --recipe instant or fast");
  }
  return model;
}

bool measures_images(const Statistics &statistics) {
  return picture_whitening(statistics, scale_of(statistics, &ClusterSums::features)).defined();
}

bool is_statistics(const std::string &tensor) {
  return tensor.starts_with("statistics.");
}

// Features are comparable only if everything before the statistics is the same.
void require_same_network(const Model &a, const Model &b, const std::filesystem::path &other) {
  const auto differs = [&](const std::string &what) {
    return Error(ErrorKind::InvalidArgument, other.string(),
                 "has a different " + what + " than the first model",
                 "merge models that were trained with the same backbone and the same weights");
  };
  if (a.config.backbone.name != b.config.backbone.name) throw differs("backbone");
  if (a.config.input.width != b.config.input.width || a.config.input.height != b.config.input.height)
    throw differs("input size");
  for (const Model *model : {&a, &b}) {
    const Model &counterpart = model == &a ? b : a;
    for (const auto &[name, tensor] : model->tensors) {
      if (is_statistics(name)) continue;
      const auto found = counterpart.tensors.find(name);
      if (found == counterpart.tensors.end() || found->second.bytes != tensor.bytes) throw differs(name);
    }
  }
}

// Fills in the model's rule, if the options contain none, and the frame rates that the model knows.
TrainOptions with_rule_of(const Model &model, TrainOptions options) {
  if (!options.threshold) options.threshold = rule_of(model.calibration.rule);
  for (Source &source : options.sources) {
    const ScoreStatistics *known = model.calibration.find(source.name);
    if (source.frame_rate == 0 && known != nullptr && known->tail)
      source.frame_rate = known->tail->frame_rate;
  }
  require_frame_rates(options.sources, *options.threshold);
  return options;
}

}  // namespace

void update(const TrainOptions &options, Progress &progress) {
  Model model = read_model_with_statistics(options.model);
  const auto network = make_network(model, options.model.string());
  const TrainOptions with_rule = with_rule_of(model, options);
  const Statistics known = statistics_of(model);
  Provenance fresh;
  LearnedStatistics learned =
      learn_statistics(*network, model.config, with_rule, known, model.motion, fresh, progress);

  // Another process may have added to the file in the meantime. Both additions are kept.
  const FileLock right_to_write(options.model);
  Model now = read_model(options.model);
  now.calibration.rule = text_of(*with_rule.threshold);
  const bool alone = identity_of(statistics_of(now)) == identity_of(known);
  add_to(now,
         {network_fingerprint(model), identity_of(known), std::move(learned.statistics),
          std::move(learned.gained), std::move(learned.calibration), std::move(fresh.sources),
          std::move(learned.health), std::move(learned.motion)},
         options.model.string());
  write_model(now, right_to_write);
  if (!alone)
    progress.say(options.model.string() +
                 ": was changed in the meantime; what was learned was added to the new content");
}

void merge_models(const MergeOptions &options, Progress &progress) {
  check_writable(options.model, "--model");
  Model model = read_model_with_statistics(options.models.front());
  Statistics statistics = statistics_of(model);
  bool any_measures = measures_images(statistics);
  for (std::size_t i = 1; i < options.models.size(); ++i) {
    const std::filesystem::path &path = options.models[i];
    const Model other = read_model_with_statistics(path);
    require_same_network(model, other, path);
    const Statistics added = statistics_of(other);
    any_measures = any_measures || measures_images(added);
    statistics = merge(std::move(statistics), added);
    model.calibration = combine(std::move(model.calibration), other.calibration);
    merge_into(model.health, other.health);
    merge_into(model.motion, other.motion);
    for (const SourceProvenance &source : other.provenance.sources) add_source(model.provenance, source);
  }
  if (any_measures && !measures_images(statistics))
    progress.say(
        "warning: a model of an earlier version is among them: scores will no longer include how unusual the "
        "picture is as a whole; to keep that, learn the footage of that model again");
  set_statistics(model, statistics);
  write_model(model, options.model);
  progress.say(options.model.string() + ": " + std::to_string(statistics.size()) + " clusters of " +
               std::to_string(options.models.size()) + " models");
}

}  // namespace uniad
