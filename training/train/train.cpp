// SPDX-License-Identifier: Apache-2.0
#include "training/train/train.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "model/engine/calibration.h"
#include "model/error.h"
#include "model/file/weights.h"
#include "model/network.h"
#include "training/interrupt.h"
#include "training/train/feature_cache.h"
#include "training/train/learn.h"
#include "training/train/recipe.h"
#include "training/train/statistics.h"

namespace uniad {
namespace {

constexpr std::int64_t checkpoint_interval = 200;  // steps
constexpr std::int64_t report_interval = 25;       // steps whose mean loss is shown

std::filesystem::path checkpoint_of(const std::filesystem::path &model) {
  return model.string() + ".checkpoint.safetensors";
}

// What a recipe is called, in files and on the command line.
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
  model.provenance.recipe = name_of(options.recipe);
  model.provenance.seed = options.seed;
  model.provenance.program_version = UNIAD_VERSION;
  model.provenance.weight_file = options.weights.filename().string();
  model.provenance.weight_licence = weights.licence;
  return model;
}

// All rows, in half precision.
torch::Tensor all_of(const FeatureRows &rows, const std::vector<std::int64_t> &shape) {
  torch::Tensor all = torch::empty({rows.rows(), shape[0], shape[1], shape[2]}, torch::kFloat16);
  for (std::int64_t row = 0; row < rows.rows(); ++row) all[row].copy_(rows.gather({&row, 1})[0]);
  return all;
}

SourceFeatures read_source(FeatureCache &cache, const std::vector<std::int64_t> &shape, const Source &source,
                           const TrainOptions &options, Provenance &provenance, Progress &progress) {
  const Split split = hold_back(source.train, options.seed, options.held_back);
  const auto extract = [&](const std::vector<Item> &items, const std::string &what) {
    const FeatureRows rows = cache.read(items, options.batch, source.name + ": " + what);
    for (const Unread &unread : rows.unread()) progress.say("skipped " + unread.reason);
    if (!rows.unread().empty()) {
      progress.say(source.name + ": " + std::to_string(rows.unread().size()) + " of " +
                   std::to_string(items.size()) + " pictures could not be read");
    }
    return all_of(rows, shape);
  };
  SourceFeatures features{source.name, extract(split.train, "reading what is normal"),
                          extract(split.held_back, "reading what is held back")};
  if (features.train.size(0) == 0) {
    throw Error(source.path, "no picture of it could be read", "see the files named above");
  }
  provenance.sources.push_back(
      {source.name, source.path, features.train.size(0), features.held_back.size(0)});
  return features;
}

void save_checkpoint(const Network &network, Model model, std::int64_t steps, const TrainOptions &options) {
  model.provenance.steps = steps;
  model.config.statistics.reset();  // they come last
  store_network(network, model);
  write_model(model, checkpoint_of(options.model));
}

std::ofstream open_log(const std::filesystem::path &path) {
  std::ofstream log;
  if (path.empty()) return log;
  log.open(path);
  if (!log) throw Error(path.string(), "cannot be written", "name a file in a folder that exists");
  return log;
}

std::string rounded(double value) {
  std::ostringstream text;
  text.precision(5);
  text << value;
  return text.str();
}

// Watches over the learning: stops it where it went wrong or where the user says so, keeps checkpoints, tells
// how it goes.
void fit(Network &network, const std::vector<SourceFeatures> &sources, const Schedule &schedule,
         const Model &model, const TrainOptions &options, Progress &progress) {
  std::ofstream log = open_log(options.log);
  bool checkpointed = false;
  double recent_loss = 0;
  progress.begin("learning", schedule.steps);
  const auto watch = [&](std::int64_t step, const StepResult &result, double rate) {
    if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
      throw Error("step " + std::to_string(step), "the loss is not a number any more",
                  checkpointed ? "the last good state is " + checkpoint_of(options.model).string() +
                                     "; try a smaller --lr"
                               : "try a smaller --lr");
    }
    if (log.is_open()) {
      log << R"({"step":)" << step << R"(,"loss":)" << result.loss << R"(,"gradient_norm":)"
          << result.gradient_norm << R"(,"lr":)" << rate << "}\n";
    }
    recent_loss += (result.loss - recent_loss) / static_cast<double>(std::min(step, report_interval));
    progress.update(step, "loss " + rounded(recent_loss));
    if (interrupted()) {
      save_checkpoint(network, model, step, options);
      throw Error("train",
                  "interrupted after step " + std::to_string(step) + " of " + std::to_string(schedule.steps),
                  "what was learned is in " + checkpoint_of(options.model).string());
    }
    if (step % checkpoint_interval == 0 && step < schedule.steps) {
      save_checkpoint(network, model, step, options);
      checkpointed = true;
    }
  };
  learn(network, sources, schedule, options.batch, options.precision == "bf16", watch);
  progress.end();
}

void warn_of_few_scores(const Calibration &calibration, const TrainOptions &options, Progress &progress) {
  for (const Source &source : options.sources) {
    if (calibration.sources.contains(source.name)) continue;
    progress.say("warning: " + source.name + ": fewer than " + std::to_string(fewest_scores) +
                 " normal pictures were held back, which make a threshold of its own; " +
                 (calibration.pooled ? "it takes the pooled one" : "it has none"));
  }
}

Calibration calibrate_on_held_back(Network &network, const std::vector<SourceFeatures> &sources,
                                   const Model &model, const TrainOptions &options, Progress &progress) {
  std::map<std::string, std::vector<double>> scores;
  for (const SourceFeatures &source : sources) {
    scores[source.name] = scores_of(grids_of(network, source.held_back, options.batch), model.config.score);
  }
  Calibration calibration = calibrate(scores, options.threshold);
  warn_of_few_scores(calibration, options, progress);
  return calibration;
}

// By gradient steps; then, for the recipes that score by them, the statistics of what the network leaves.
void train_network(Network &network, const TrainOptions &options, const Schedule &schedule, Model &model,
                   Progress &progress) {
  FeatureExtractor extractor(network, model.config, "cpu", options.precision);
  FeatureCache cache(extractor, progress, options.cache);
  std::vector<SourceFeatures> sources;
  for (const Source &source : options.sources) {
    sources.push_back(read_source(cache, extractor.shape(), source, options, model.provenance, progress));
  }
  if (schedule.standardise) standardise(network, sources, options.whiten);
  fit(network, sources, schedule, model, options, progress);
  if (model.config.statistics) {
    const Statistics statistics = learn_statistics(network, model.config, sources, progress);
    set_statistics(model, statistics);
    network.statistics.emplace(statistics, *model.config.statistics);
  }
  model.calibration = calibrate_on_held_back(network, sources, model, options, progress);
}

}  // namespace

void train(const TrainOptions &options, Progress &progress) {
  if (options.device.starts_with("cuda")) {
    throw Error(options.device, "this build has no CUDA module", "use --device cpu or --device auto");
  }
  const BackboneWeights weights = read_backbone_weights(options.weights, options.backbone);
  Model model = describe(options, weights);
  std::int64_t pictures = 0;
  for (const Source &source : options.sources) {
    pictures +=
        static_cast<std::int64_t>(hold_back(source.train, options.seed, options.held_back).train.size());
  }
  const Schedule schedule = make_schedule(options, pictures);
  if (model.config.reconstruction) {
    model.config.reconstruction->dropout = schedule.dropout;
    model.provenance.steps = schedule.steps;
  }
  check(model.config, "train");

  torch::manual_seed(options.seed);
  Network network(model.config);
  load_tensors(*network.backbone, weights.tensors, "", options.weights.string());
  network.eval();
  if (model.config.reconstruction) {
    train_network(network, options, schedule, model, progress);
  } else {
    LearnedStatistics learned =
        learn_statistics(network, model.config, options, {}, model.provenance, progress);
    set_statistics(model, learned.statistics);
    model.calibration = std::move(learned.calibration);
    for (const ScoredItem &outlier : highest(std::move(learned.scored), options.report_outliers))
      progress.say("outlier? " + describe(outlier));
    warn_of_few_scores(model.calibration, options, progress);
  }
  store_network(network, model);
  write_model(model, options.model);
  std::filesystem::remove(checkpoint_of(options.model));
}

}  // namespace uniad
