// SPDX-License-Identifier: Apache-2.0
#include "training/train/train.h"

#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <sstream>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/engine/cuda_module.h"
#include "model/engine/engine.h"
#include "model/file/model_statistics.h"
#include "model/file/weights.h"
#include "model/network.h"
#include "model/scoring/calibration.h"
#include "training/base/interrupt.h"
#include "training/train/calibrate_trained.h"
#include "training/train/digest.h"
#include "training/train/feature_cache.h"
#include "training/train/fit.h"
#include "training/train/learn.h"
#include "training/train/motion.h"
#include "training/train/normal_data.h"
#include "training/train/pictures.h"
#include "training/train/recipe.h"
#include "training/train/statistics.h"

namespace uniad {
namespace {

// Returns the name of a recipe in files and on the command line.
std::string name_of(Recipe recipe) {
  switch (recipe) {
    case Recipe::Instant:
      return "instant";
    case Recipe::Fast:
      return "fast";
    case Recipe::Paper:
      break;
  }
  return "paper";
}

Model describe(const TrainOptions &options, const BackboneWeights &weights) {
  Model model;
  model.config = config_on(weights);
  if (options.recipe != Recipe::Paper) {
    model.config.statistics.emplace();
    model.config.statistics->residuals = options.recipe == Recipe::Fast;
  }
  if (options.recipe == Recipe::Instant) model.config.reconstruction.reset();
  apply(options.network, model.config);
  model.provenance.recipe = name_of(options.recipe);
  model.provenance.seed = options.seed;
  model.provenance.program_version = UNIAD_VERSION;
  model.provenance.weight_file = options.weights.filename().string();
  model.provenance.weight_license = weights.license;
  return model;
}

// Identifies a list of items by their names and sizes, regardless of the folder that contains them.
std::string fingerprint(const std::vector<Item> &items) {
  std::uint64_t hash = 0;
  for (const Item &item : items) {
    std::error_code unreadable;
    const std::uintmax_t size = std::filesystem::file_size(item.path, unreadable);
    const std::string name = item.path.filename().string() + '/' +
                             std::to_string(item.frame.value_or(item.record.value_or(-1))) + '/' +
                             std::to_string(unreadable ? 0 : size);
    hash = stream_seed(hash, std::hash<std::string>()(name));
  }
  std::ostringstream text;
  text << items.size() << " pictures (" << std::hex << hash << ")";
  return text.str();
}

// Identifies what zones change about training.
std::string fingerprint(const Zones &zones) {
  Digest digest;
  for (const Zone &zone : zones.zones) {
    if (zone.kind == ZoneKind::Ignore) digest.add(std::as_bytes(std::span(zone.polygon)));
  }
  digest.add(std::to_string(zones.mask.width));
  digest.add(std::as_bytes(std::span(zones.mask.ignored)));
  return digest.text();
}

RunIdentity identify(const TrainOptions &options, const Workers &workers) {
  RunIdentity run = options.identity_options;
  run["weights"] = options.weights.filename().string();
  for (const Source &source : options.sources) run["source " + source.name] = fingerprint(source.train);
  for (const auto &[source, zones] : options.zones) run["zones " + source] = fingerprint(zones);
  run["workers"] = std::to_string(workers.rank().size);
  for (auto &[name, value] : run) value = valid_utf8(value);  // as checkpoints store it
  return run;
}

std::vector<TestFeatures> read_tests(FeatureCache &cache, const TrainOptions &options, Progress &progress) {
  std::vector<TestFeatures> tests;
  if (options.selection != Selection::Test) return tests;
  for (const Source &source : options.sources) {
    std::vector<Item> labeled;
    std::copy_if(source.test.begin(), source.test.end(), std::back_inserter(labeled),
                 [](const Item &item) { return item.abnormal.has_value(); });
    FeatureRows rows = read_items(cache, labeled, options, source.name, "reading test data", progress);
    std::vector<bool> abnormal;
    for (std::int64_t row = 0; row < rows.rows(); ++row) abnormal.push_back(*rows.item(row).abnormal);
    const auto count = std::count(abnormal.begin(), abnormal.end(), true);
    if (count > 0 && count < std::ssize(abnormal)) {
      const auto zones = rows.zones();
      tests.push_back({as_set(std::move(rows)), std::move(abnormal), zones});
    }
  }
  if (tests.empty())
    throw Error(ErrorKind::InvalidArgument, "--select test",
                "no source has both normal and abnormal test pictures",
                "use data in MVTec layout, or --select held-back");
  return tests;
}

// Trains by gradient steps. Then, for recipes that score by statistics, learns the statistics of the
// network's residuals. After the steps, only the first worker continues.
void train_network(Network &network, const TrainOptions &options, const Schedule &schedule, Model &model,
                   Workers &workers, Progress &progress) {
  const RunIdentity identity = identify(options, workers);
  if (!options.resume.empty()) check_checkpoint(options.resume, identity);
  FeatureExtractor extractor(network, model.config, options.device, options.precision);
  FeatureCache cache(extractor, progress, options.cache);
  const NormalData data = read_normal(cache, options, model.provenance, progress);
  model.health = data.health;
  if (workers.first()) model.motion = learn_motion(options, progress);
  const std::vector<TestFeatures> tests = read_tests(cache, options, progress);
  if (schedule.standardize) standardize(network, data.sources, options.whiten);
  network.set_device(options.device);

  const LearningRule rule{schedule,        options.batch, options.precision == "bf16",
                          options.average, options.seed,  options.train_backbone};
  const FeatureReader reader =
      options.train_backbone
          ? learning_features(network, model.config.input, data.trained, options.augmentation, options.seed)
      : options.augmentation.any()
          ? varied_features(extractor, network, data.trained, options.augmentation, options.seed)
          : reader_of(network, data.sources);
  // An interruption must leave enough time for a step, and for saving what was learned after it.
  const Interrupts::Patience patience(options.interrupts);
  model.provenance.selected =
      fit({network, data.sources, reader, tests, rule, model, identity}, options, workers, progress);
  if (!workers.first()) return;
  progress.say("ends with the weights of " + model.provenance.selected);
  if (options.train_backbone) {
    // The trained backbone produces other features than before.
    FeatureExtractor learned(network, model.config, options.device, options.precision);
    FeatureCache anew(learned, progress, {.memory = options.cache.memory, .folder = {}});
    model.provenance.sources.clear();
    const NormalData seen = read_normal(anew, options, model.provenance, progress);
    HeldOutScores held_out_scores(network, seen, model.config.score, options);
    held_out_scores.judge();
    model.calibration = held_out_scores.calibrate(progress);
    return;
  }
  HeldOutScores held_out_scores(network, data, model.config.score, options);
  if (model.config.statistics) {
    set_statistics(
        model, learn_and_judge(network, data, *model.config.statistics, options, held_out_scores, progress));
  } else {
    held_out_scores.judge();
  }
  model.calibration = held_out_scores.calibrate(progress);
}

// Keeps the checkpoint of an unfinished training, which the new training would otherwise overwrite.
void keep_old_checkpoint(const TrainOptions &options, Progress &progress) {
  const std::filesystem::path checkpoint = checkpoint_of(options.model);
  if (!options.resume.empty() || !std::filesystem::exists(checkpoint)) return;
  const std::filesystem::path kept = options.model.string() + ".checkpoint.old.safetensors";
  std::filesystem::rename(checkpoint, kept);
  progress.say("an unfinished training's checkpoint is now " + kept.string() +
               "; use --resume to continue from it");
}

// Selects the device of this process. If no device is named, each of several processes on a machine uses the
// GPU of its local rank.
std::string device_to_learn_on(const std::string &asked, Progress &progress) {
  const std::string chosen = choose_device(asked);
  if (chosen == "cpu") {
    std::string why_not;
    if (asked == "auto" && has_cuda_module() && !cuda_usable(&why_not))
      progress.say("on the CPU: " + why_not);
    return chosen;
  }
  const std::string device = asked == chosen ? chosen : "cuda:" + std::to_string(local_rank());
  require_cuda(cuda_device_number(device));
  return device;
}

}  // namespace

void train(const TrainOptions &asked, Progress &progress) {
  TrainOptions options = asked;
  options.device = device_to_learn_on(asked.device, progress);
  const BackboneWeights weights = read_backbone_weights(options.weights, options.backbone);
  Model model = describe(options, weights);
  std::int64_t pictures = 0;
  for (const Source &source : options.sources) {
    pictures +=
        static_cast<std::int64_t>(hold_back(source.train, options.seed, options.held_back).train.size());
  }
  Workers workers =
      model.config.reconstruction ? Workers::join(options.worker_timeout, options.device) : Workers();
  if (!workers.first()) progress.be_quiet();
  const Schedule schedule = make_schedule(options, pictures, workers.rank().size);
  if (model.config.reconstruction) {
    model.config.reconstruction->dropout = options.network.dropout.value_or(schedule.dropout);
    model.provenance.steps = schedule.steps;
  }
  check(model.config, "train");

  torch::manual_seed(options.seed);
  Network network(model.config);
  load_tensors(*network.backbone, weights.tensors, "", options.weights.string());
  network.eval();
  if (model.config.reconstruction) {
    if (workers.first()) keep_old_checkpoint(options, progress);
    train_network(network, options, schedule, model, workers, progress);
    if (!workers.first()) return;
  } else {
    LearnedStatistics learned =
        learn_statistics(network, model.config, options, {}, {}, model.provenance, progress);
    set_statistics(model, learned.statistics);
    model.calibration = std::move(learned.calibration);
    model.health = std::move(learned.health);
    model.motion = std::move(learned.motion);
    tell_outliers(std::move(learned.scored), options, progress);
    warn_of_few_scores(model.calibration, options, progress);
  }
  store_network(network, model);
  write_model(model, options.model);
  std::filesystem::remove(checkpoint_of(options.model));
}

}  // namespace uniad
