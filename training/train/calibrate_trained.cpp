// SPDX-License-Identifier: Apache-2.0
#include "training/train/calibrate_trained.h"

#include <numeric>
#include <utility>

#include "model/base/error.h"
#include "model/scoring/calibration.h"
#include "training/base/interrupt.h"
#include "training/train/learn.h"
#include "training/train/statistics.h"

namespace uniad {
namespace {

void throw_if_interrupted() {
  if (interrupted())
    throw Error(ErrorKind::Interrupted, "train", "interrupted after the last step",
                "what was learned is in the checkpoint next to the model; resume from it with --resume");
}

}  // namespace

void warn_of_few_scores(const Calibration &calibration, const TrainOptions &options, Progress &progress) {
  for (const Source &source : options.sources) {
    if (calibration.sources.contains(source.name)) continue;
    progress.say("warning: " + source.name + ": fewer than " + std::to_string(fewest_scores) +
                 " normal pictures were held out, too few for a threshold of its own; " +
                 (calibration.pooled ? "it uses the pooled threshold" : "it has no threshold"));
  }
}

void tell_outliers(std::vector<ScoredItem> scored, const TrainOptions &options, Progress &progress) {
  for (const ScoredItem &outlier : highest(std::move(scored), options.report_outliers))
    progress.say("outlier? " + describe(outlier));
}

void HeldOutScores::judge(std::optional<int> fold) {
  for (std::size_t i = 0; i < data_.sources.size(); ++i) {
    const NormalPictures &pictures = data_.pictures[i];
    std::vector<std::int64_t> numbers;
    for (std::size_t number = 0; number < pictures.items.size(); ++number) {
      if (fold && pictures.folds[number] != *fold) continue;
      if (pictures.held_back[number] || options_.report_outliers > 0)
        numbers.push_back(static_cast<std::int64_t>(number));
    }
    throw_if_interrupted();
    add(data_.sources[i].name, pictures, numbers,
        judge_set(network_, some_of(pictures.features, numbers), score_, options_.batch,
                  pictures.zones.get()));
  }
}

Calibration HeldOutScores::calibrate(Progress &progress) {
  tell_outliers(std::move(scored_), options_, progress);
  Calibration calibration = calibrate_held_back(std::move(of_held_back_), options_, progress);
  warn_of_few_scores(calibration, options_, progress);
  return calibration;
}

void HeldOutScores::add(const std::string &source, const NormalPictures &pictures,
                        const std::vector<std::int64_t> &numbers, const JudgedSet &judged) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = static_cast<std::size_t>(numbers[i]);
    scored_.push_back({source, pictures.items[number], judged.local[i]});
    if (!pictures.held_back[number]) continue;
    NormalScores &normal = of_held_back_[source];
    normal.values.push_back(judged.local[i]);
    if (judged.distances.empty()) continue;
    normal.distances.push_back(judged.distances[i]);
    normal.groups.push_back(pictures.folds[number]);
  }
}

void learn_from(StatisticsLearner &learner, Network &network, const std::string &source,
                const FeatureSet &pictures, const std::vector<int> &folds, int batch, Progress &progress,
                const ZoneGrid *zones) {
  const torch::NoGradGuard no_grad;
  progress.begin(source + ": learning statistics", pictures.pictures);
  std::size_t next = 0;
  visit_set(pictures, batch, [&](const torch::Tensor &raw) {
    throw_if_interrupted();
    const torch::Tensor features = network.standardize(raw);
    const torch::Tensor residuals = without_ignored(network.residuals(features), zones).cpu();
    const torch::Tensor plain = without_ignored(features, zones).cpu();
    for (std::int64_t i = 0; i < plain.size(0); ++i)
      learner.add(source, folds[next++], plain[i], residuals[i]);
    progress.update(static_cast<std::int64_t>(next));
  });
  progress.end();
}

Statistics learn_and_judge(Network &network, const NormalData &data, const StatisticsConfig &config,
                           const TrainOptions &options, HeldOutScores &held_out_scores, Progress &progress) {
  StatisticsLearner learner({}, config, data.sources.size());
  for (std::size_t i = 0; i < data.sources.size(); ++i) {
    const NormalPictures &pictures = data.pictures[i];
    std::vector<std::int64_t> numbers = pictures.numbers(false);
    if (!options.held_back) {
      numbers.resize(pictures.items.size());
      std::iota(numbers.begin(), numbers.end(), 0);
    }
    std::vector<int> folds;
    for (const std::int64_t number : numbers)
      folds.push_back(pictures.folds[static_cast<std::size_t>(number)]);
    learn_from(learner, network, data.sources[i].name, some_of(pictures.features, std::move(numbers)), folds,
               options.batch, progress, pictures.zones.get());
  }
  StatisticsLearner::Learned learned = learner.finish();
  if (options.held_back) {
    network.statistics.emplace(learned.statistics, config);
    held_out_scores.judge();
    return std::move(learned.statistics);
  }
  for (int fold = 0; fold < StatisticsLearner::folds; ++fold) {
    Statistics others = learner.without(fold, learned.clusters);
    if (others.empty()) continue;  // this fold contains all pictures
    network.statistics.emplace(std::move(others), config);
    held_out_scores.judge(fold);
  }
  return std::move(learned.statistics);
}

}  // namespace uniad
