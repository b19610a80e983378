// SPDX-License-Identifier: Apache-2.0
// The recipe instant: statistics of normal features without training steps.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/health/reference.h"
#include "model/motion/motion_reference.h"
#include "model/network.h"
#include "model/statistics/learn_statistics.h"
#include "training/base/progress.h"
#include "training/data/outliers.h"
#include "training/train/learn.h"
#include "training/train/options.h"

namespace uniad {

// Statistics of normal features, and the scores of held-out normal pictures.
struct LearnedStatistics {
  Statistics statistics;
  Statistics gained;  // of the new pictures only
  Calibration calibration;
  HealthReferences health;         // of the new pictures
  MotionReferences motion;         // likewise
  std::vector<ScoredItem> scored;  // the held-out pictures; a random choice if there are very many
};

// Learns statistics of the normal data in options.sources in one pass over the features, with bounded memory,
// and adds them to the known ones. The motion of videos is learned beside them. Each fold of the pictures is
// held out in turn for the calibration; if options.held_back is set, that fraction is held out instead and
// never learned from. network must not have statistics yet; if it has a reconstruction network, statistics of
// its residuals are learned too.
LearnedStatistics learn_statistics(Network &network, const ModelConfig &config, const TrainOptions &options,
                                   Statistics known, const MotionReferences &known_motion,
                                   Provenance &provenance, Progress &progress);

// Computes thresholds according to options.threshold from the scores of held-out pictures, by source name.
// Their order in time is not known, so each of them counts as an alarm of its own.
Calibration calibrate_held_back(std::map<std::string, NormalScores> scores, const TrainOptions &options,
                                Progress &progress);

// Width / height of the pictures, determined from the first, the middle and the last one, or from the first
// frame of a video. 0 if they differ.
double aspect_ratio_of(std::span<const Item> items);

}  // namespace uniad
