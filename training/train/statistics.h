// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/statistics/learn_statistics.h"
#include "training/data/outliers.h"
#include "training/progress.h"
#include "training/train/learn.h"
#include "training/train/options.h"

namespace uniad {

// Statistics of normal features, and the scores of normal pictures that they were not learned from.
struct LearnedStatistics {
  Statistics statistics;
  Statistics gained;  // of the new pictures alone
  Calibration calibration;
  std::vector<ScoredItem> scored;  // those pictures; of very many a random choice
};

// Learns the statistics of all that is normal in options.sources by one pass over their features, in bounded
// memory, and adds them to what is known. Each fold of the pictures is held back in turn for the calibration;
// where options.held_back is set, that share is instead, and never learned from. `network` has no statistics
// yet; where it has a reconstruction, its residuals are learned too.
LearnedStatistics learn_statistics(Network &network, const ModelConfig &config, const TrainOptions &options,
                                   Statistics known, Provenance &provenance, Progress &progress);

// Thresholds by options.threshold from the scores of held-back pictures, by source name.
// What is known of their order in time is lost: each counts by itself as an alarm.
Calibration calibrate_held_back(const std::map<std::string, std::vector<double>> &scores,
                                const TrainOptions &options, Progress &progress);

// Width / height of the pictures, as far as the first, the middle and the last tell; of a video its first
// frame's. 0 where they differ.
double aspect_ratio_of(std::span<const Item> items);

}  // namespace uniad
