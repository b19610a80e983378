// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/tail.h"
#include "model/file/model_file.h"

namespace uniad {

// How thresholds are drawn from the scores of held-back normal data.
struct ThresholdRule {
  double standard_deviations = 4;  // mean + this many standard deviations
  std::optional<double> quantile;  // where present: this empirical quantile instead, 0..1
  // Where present: as many runs of normal frames an hour reach it instead; above 0. It takes a frame rate:
  // scores without one get mean + standard_deviations.
  std::optional<double> false_alarms_per_hour;
};

inline constexpr double most_false_alarms_per_hour = 1e6;

// A source with fewer scores than this takes the pooled threshold.
inline constexpr std::size_t fewest_scores = 20;

// Mean, sample standard deviation, tail and threshold of normal scores. The quantile is numpy's default
// (linear between order statistics). By any other rule the threshold lies at least a hundredth of the mean
// above it: pictures that are all the same must not alarm on themselves. `scores` is not empty.
ScoreStatistics describe_scores(const NormalScores &scores, const ThresholdRule &rule);

// Whether they differ so little that the threshold is that least one.
bool all_alike(const ScoreStatistics &statistics);

// Thresholds from the scores of normal pictures that were not trained on, by source name: each source's own
// where it has enough, and the pooled one. Scores that are no numbers are left out. Without any score: an
// empty calibration.
Calibration calibrate(const std::map<std::string, NormalScores> &scores, const ThresholdRule &rule);

// How a calibration's text tells of a rule, and the rule that it tells of; the default one where it tells of
// none.
std::string text_of(const ThresholdRule &rule);
ThresholdRule rule_of(const std::string &text);

// The statistics of both samples together; the threshold is drawn anew by the rule. A quantile, and the tail
// of statistics without one, cannot be had from two: then the higher threshold stays.
ScoreStatistics combine(const ScoreStatistics &a, const ScoreStatistics &b, const std::string &rule);

// The calibration with its thresholds drawn by another rule, which is no quantile.
Calibration redraw(Calibration calibration, const ThresholdRule &rule);

// Adds what another calibration rests on.
Calibration combine(Calibration calibration, const Calibration &other);

// The calibration with the statistics of `fresh`'s sources instead of its own; those of other sources stay.
// The pooled statistics are those of all sources together, the rule is that of `fresh`.
Calibration replace(Calibration calibration, const Calibration &fresh);

// 90 % interval of the threshold for a number of standard deviations (asymptotic, for normally distributed
// scores) or of false alarms an hour (tail.h); none for a quantile. Scores count as independent: of
// neighbouring frames it is wider.
std::optional<Interval> threshold_interval(const ScoreStatistics &statistics, const ThresholdRule &rule);

// Why a threshold by false alarms an hour should not be trusted: asked for more rarely than footage of this
// length can tell, or few runs; in sentences for the user, mostly none.
std::vector<std::string> doubts(const ScoreStatistics &statistics, const ThresholdRule &rule);

}  // namespace uniad
