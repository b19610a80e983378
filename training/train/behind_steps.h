// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/statistics/learn_statistics.h"
#include "training/data/outliers.h"
#include "training/progress.h"
#include "training/train/normal_data.h"
#include "training/train/options.h"

namespace uniad {

// The finished network's scores of what is held back, and of all pictures where outliers are asked for: it
// has seen those that it was trained on, but follows the many, not the odd.
class Judgements {
 public:
  Judgements(Network &network, const NormalData &data, ScoreKind score, const TrainOptions &options)
      : network_(network), data_(data), score_(score), options_(options) {}

  // Of one fold, or of all. Throws Error where the user interrupts.
  void judge(std::optional<int> fold = std::nullopt);

  // Thresholds from the scores, of which the progress is told what it should know.
  Calibration calibrate(Progress &progress);

 private:
  void add(const std::string &source, const NormalPictures &pictures,
           const std::vector<std::int64_t> &numbers, const std::vector<double> &scores);

  Network &network_;
  const NormalData &data_;
  const ScoreKind score_;
  const TrainOptions &options_;
  std::map<std::string, std::vector<double>> of_held_back_;
  std::vector<ScoredItem> scored_;
};

// Adds a source's pictures, and what the network leaves of them, to `learner`; `folds`: of each.
void learn_from(StatisticsLearner &learner, Network &network, const std::string &source,
                const FeatureSet &pictures, const std::vector<int> &folds, int batch, Progress &progress);

// Learns the statistics of what the network leaves of everything; each fold is judged by the sums without it.
// Where options.held_back is set, of the others alone. The network's statistics are another fold's behind it.
Statistics learn_and_judge(Network &network, const NormalData &data, const StatisticsConfig &config,
                           const TrainOptions &options, Judgements &judgements, Progress &progress);

// Names the highest scores where options.report_outliers asks for them.
void tell_outliers(std::vector<ScoredItem> scored, const TrainOptions &options, Progress &progress);

// Of the sources that have no threshold of their own.
void warn_of_few_scores(const Calibration &calibration, const TrainOptions &options, Progress &progress);

}  // namespace uniad
