// SPDX-License-Identifier: Apache-2.0
#include "training/train/statistics.h"

#include <cstddef>
#include <iomanip>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/engine/detector.h"
#include "training/data/report.h"
#include "training/data/visit.h"
#include "training/train/features.h"
#include "training/train/health.h"
#include "training/train/motion.h"

namespace uniad {
namespace {

void warn_of_few(const StatisticsLearner &learner, Progress &progress) {
  if (learner.pictures() >= learner.fewest()) return;
  progress.say("warning: " + std::to_string(learner.pictures()) + " normal pictures are few; " +
               std::to_string(learner.fewest()) + " or more give reliable results");
}

// "threshold 2.41, which 1 of 380 held-out normal pictures reaches".
std::string held_out_text(const NormalScores &normal, const ScoreStatistics &statistics) {
  const std::int64_t alarms = count_alarms(normal, statistics);
  std::ostringstream text;
  text << "threshold " << std::fixed << std::setprecision(2) << statistics.threshold << ", which " << alarms
       << " of " << statistics.count << " held-out normal pictures reach" << (alarms == 1 ? "es" : "");
  return text.str();
}

}  // namespace

LearnedStatistics learn_statistics(Network &network, const ModelConfig &config, const TrainOptions &options,
                                   Statistics known, const MotionReferences &known_motion,
                                   Provenance &provenance, Progress &progress) {
  const torch::NoGradGuard no_grad;
  const bool anew = known.empty();
  FeatureExtractor extractor(network, config, options.device, options.precision);
  StatisticsLearner learner(std::move(known), *config.statistics, options.sources.size());
  HealthReferences health;
  MotionReferences motion;
  std::map<std::string, Split> splits;
  std::map<std::string, std::vector<std::size_t>> learned_from;  // indices in split.train, in order
  for (const Source &source : options.sources) {
    extractor.set_zones(find_zones(options.zones, source.name));
    const Split &split = splits[source.name] = options.held_back
                                                   ? hold_back(source.train, options.seed, options.held_back)
                                                   : Split{source.train, {}};
    const std::vector<int> folds = assign_folds(split.train, StatisticsLearner::folds);
    std::int64_t left_out = 0;
    ReferenceLearner looks;
    const auto moved_before = known_motion.find(source.name);
    SourceMotion moves(split.train, folds, source.frame_rate, find_zones(options.zones, source.name),
                       moved_before != known_motion.end() ? moved_before->second : MotionReference{});
    const std::int64_t before = learner.pictures();
    const auto unread = visit_features(
        extractor, split.train, options.batch, source.name + ": learning what is normal",
        [&](std::span<const std::size_t> indices, const torch::Tensor &features) {
          const torch::Tensor residuals =
              config.statistics->residuals ? without_ignored(network.residuals(features), extractor.zones())
                                           : torch::Tensor();
          const torch::Tensor learned = without_ignored(features, extractor.zones());
          for (std::size_t i = 0; i < indices.size(); ++i) {
            const auto row = static_cast<std::int64_t>(i);
            if (learner.add(source.name, folds[indices[i]], learned[row],
                            residuals.defined() ? residuals[row] : torch::Tensor()))
              learned_from[source.name].push_back(indices[i]);
            else
              ++left_out;
          }
        },
        progress, health_observer(looks, split.train, source.frame_rate, config.input),
        options.motion == MotionUse::Off ? FrameObserver() : moves.observer());
    health[source.name] = looks.finish();
    motion[source.name] = moves.finish(source.name, options, progress);
    report_unread(split.train, unread, progress);
    if (left_out > 0)
      progress.say(source.name + ": " + std::to_string(left_out) +
                   " pictures were skipped because their features are not finite");
    add_source(provenance,
               {source.name, source.path, learner.pictures() - before,
                static_cast<std::int64_t>(split.held_back.size()), aspect_ratio_of(source.train)});
  }
  if (anew) warn_of_few(learner, progress);

  StatisticsLearner::Learned learned = learner.finish();
  std::map<std::string, NormalScores> scores;
  std::vector<ScoredItem> scored;
  const auto add_score = [&](const std::string &source, const Item &item, double score) {
    scores[source].values.push_back(score);
    scored.push_back({source, item, score});
  };
  if (options.held_back) {
    network.statistics.emplace(learned.statistics, *config.statistics);
    for (const auto &[source, split] : splits) {
      extractor.set_zones(find_zones(options.zones, source));
      const auto unread = visit_features(
          extractor, split.held_back, options.batch, source + ": judging held-out data",
          [&](std::span<const std::size_t> indices, const torch::Tensor &features) {
            const NetworkOutput judged = network.judge_features(features, extractor.zones());
            const auto of_batch = scores_of(judged.grid, config.score, extractor.zones());
            for (std::size_t i = 0; i < indices.size(); ++i)
              add_score(source, split.held_back[indices[i]], of_batch[i]);
            for (const double distance : distances_of(network, judged, extractor.zones())) {
              scores[source].distances.push_back(distance);
              scores[source].groups.push_back(0);
            }
          },
          progress);
      report_unread(split.held_back, unread, progress);
    }
  } else {
    for (const auto &[source, grids] : learned.held_back_grids) {
      extractor.set_zones(find_zones(options.zones, source));
      const auto of_source = scores_of(grids, config.score, extractor.zones());
      for (std::size_t i = 0; i < of_source.size(); ++i) {
        const auto number = static_cast<std::size_t>(learned.held_back_pictures.at(source)[i]);
        add_score(source, splits.at(source).train[learned_from.at(source)[number]], of_source[i]);
      }
      const auto distances = learned.held_back_images.find(source);
      if (distances == learned.held_back_images.end() || has_watch_zones(extractor.zones())) continue;
      scores[source].distances = distances->second;
      scores[source].groups = learned.held_back_folds.at(source);
    }
  }
  return {std::move(learned.statistics),
          std::move(learned.gained),
          calibrate_held_back(std::move(scores), options, progress),
          std::move(health),
          std::move(motion),
          std::move(scored)};
}

Calibration calibrate_held_back(std::map<std::string, NormalScores> scores, const TrainOptions &options,
                                Progress &progress) {
  const ThresholdRule rule = options.threshold.value_or(ThresholdRule{});
  std::map<std::string, NormalScores> normal;
  for (const Source &source : options.sources) {
    const auto own = scores.find(source.name);
    if (own == scores.end()) continue;
    normal[source.name] = std::move(own->second);
    normal[source.name].frame_rate = source.frame_rate;
  }
  Calibration calibration = calibrate(normal, rule);
  for (const auto &[source, statistics] : calibration.sources) {
    const std::string warning = "warning: " + source + ": ";
    for (const std::string &doubt : threshold_warnings(statistics, rule)) progress.say(warning + doubt);
    progress.say(source + ": " + held_out_text(normal.at(source), statistics));
  }
  return calibration;
}

double aspect_ratio_of(std::span<const Item> items) {
  if (items.empty()) return 0;
  std::vector<Item> looked_at{items.front()};
  if (!items.front().frame) looked_at.insert(looked_at.end(), {items[items.size() / 2], items.back()});
  double ratio = 0;
  bool same = true;
  visit_items(looked_at, [&](std::size_t, const FrameView &frame) {
    const double own = static_cast<double>(frame.width) / frame.height;
    same = same && (ratio == 0 || same_aspect_ratio(ratio, own));
    ratio = own;
  });
  return same ? ratio : 0;
}

}  // namespace uniad
