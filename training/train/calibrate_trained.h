// SPDX-License-Identifier: Apache-2.0
// Scores held-out pictures after training, and computes the calibration from them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/statistics/learn_statistics.h"
#include "training/base/progress.h"
#include "training/data/outliers.h"
#include "training/train/normal_data.h"
#include "training/train/options.h"

namespace uniad {

// The trained network's scores of the held-out pictures and, if outliers are requested, of all pictures. The
// network was trained on the latter, but fits the majority rather than outliers.
class HeldOutScores {
 public:
  HeldOutScores(Network &network, const NormalData &data, ScoreKind score, const TrainOptions &options)
      : network_(network), data_(data), score_(score), options_(options) {}

  // Scores one fold, or all. Throws Error on interruption.
  void judge(std::optional<int> fold = std::nullopt);

  // Computes thresholds from the scores, and reports warnings to `progress`.
  Calibration calibrate(Progress &progress);

 private:
  void add(const std::string &source, const NormalPictures &pictures,
           const std::vector<std::int64_t> &numbers, const JudgedSet &judged);

  Network &network_;
  const NormalData &data_;
  const ScoreKind score_;
  const TrainOptions &options_;
  std::map<std::string, NormalScores> of_held_back_;
  std::vector<ScoredItem> scored_;
};

// Adds a source's pictures and the network's residuals to `learner`, without tokens that zones ignore. folds:
// the fold of each picture. zones: may be null.
void learn_from(StatisticsLearner &learner, Network &network, const std::string &source,
                const FeatureSet &pictures, const std::vector<int> &folds, int batch, Progress &progress,
                const ZoneGrid *zones = nullptr);

// Learns statistics of all pictures and their residuals, and judges each fold with the statistics of the
// others. If options.held_back is set, learns only from pictures that are not held out. Changes the network's
// statistics.
Statistics learn_and_judge(Network &network, const NormalData &data, const StatisticsConfig &config,
                           const TrainOptions &options, HeldOutScores &held_out_scores, Progress &progress);

// Reports the pictures with the highest scores, as many as options.report_outliers.
void tell_outliers(std::vector<ScoredItem> scored, const TrainOptions &options, Progress &progress);

// Warns of sources that have no threshold of their own.
void warn_of_few_scores(const Calibration &calibration, const TrainOptions &options, Progress &progress);

}  // namespace uniad
