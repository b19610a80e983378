// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/file/model_file.h"
#include "training/train/options.h"

namespace uniad {

// A source with fewer scores than this takes the pooled threshold.
inline constexpr std::size_t fewest_scores = 20;

// Mean, sample standard deviation and threshold of normal scores. The quantile is numpy's default (linear
// between order statistics). `scores` is not empty.
ScoreStatistics describe_scores(std::vector<double> scores, const ThresholdRule &rule);

// Thresholds from the scores of normal pictures that were not trained on, by source name: each source's own
// where it has enough, and the pooled one. Without any score: an empty calibration.
Calibration calibrate(const std::map<std::string, std::vector<double>> &scores, const ThresholdRule &rule);

}  // namespace uniad
