// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// How thresholds are drawn from the scores of held-back normal data.
struct ThresholdRule {
  double standard_deviations = 4;  // mean + this many standard deviations
  std::optional<double> quantile;  // where present: this empirical quantile instead, 0..1
};

// A source with fewer scores than this takes the pooled threshold.
inline constexpr std::size_t fewest_scores = 20;

// Mean, sample standard deviation and threshold of normal scores. The quantile is numpy's default (linear
// between order statistics). The threshold lies at least a hundredth of the mean above it: pictures that are
// all the same must not alarm on themselves. `scores` is not empty.
ScoreStatistics describe_scores(std::vector<double> scores, const ThresholdRule &rule);

// Thresholds from the scores of normal pictures that were not trained on, by source name: each source's own
// where it has enough, and the pooled one. Without any score: an empty calibration.
Calibration calibrate(const std::map<std::string, std::vector<double>> &scores, const ThresholdRule &rule);

// The rule that a calibration's text tells of.
ThresholdRule rule_of(const std::string &text);

// The statistics of both samples together; the threshold is drawn anew where the rule is a number of standard
// deviations, else it is the higher one: a quantile cannot be had from two.
ScoreStatistics combine(const ScoreStatistics &a, const ScoreStatistics &b, const std::string &rule);

// Adds what another calibration rests on.
Calibration combine(Calibration calibration, const Calibration &other);

}  // namespace uniad
