// SPDX-License-Identifier: Apache-2.0
// Thresholds, and the statistics of normal scores that they are computed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/scoring/extreme_value.h"
#include "model/scoring/image_term.h"

namespace uniad {

// Statistics of the scores of held-out normal data, and the threshold computed from them.
struct ScoreStatistics {
  double threshold = 0;  // scores at or above it are anomalous
  double mean = 0;
  double standard_deviation = 0;     // sample standard deviation (n - 1)
  std::int64_t count = 0;            // number of scores
  std::optional<ScoreTail> tail{};   // older files have none
  std::optional<ImageTerm> image{};  // absent: scores are local scores only
};

struct Calibration {
  std::string rule;  // "mean + 4 sd", "quantile 0.995", "2 false alarms an hour": how thresholds are computed
  std::optional<ScoreStatistics> pooled;
  std::map<std::string, ScoreStatistics> sources;

  // The source's own statistics, or the pooled ones, or null.
  const ScoreStatistics *find(const std::string &source) const;
};

// How thresholds are computed from the scores of held-out normal data.
struct ThresholdRule {
  double standard_deviations = 4;  // mean + this many standard deviations
  std::optional<double> quantile;  // if present: this empirical quantile instead, 0..1
  // If present: the number of runs of normal frames that reach it per hour, above 0. Requires a frame rate;
  // scores without one use mean + standard_deviations.
  std::optional<double> false_alarms_per_hour;
};

inline constexpr double most_false_alarms_per_hour = 1e6;

// A source with fewer scores than this uses the pooled threshold.
inline constexpr std::size_t fewest_scores = 20;

// Mean, sample standard deviation, tail and threshold of normal scores, which are computed first if they are
// given as local scores and distances (image_term_of()). The quantile is numpy's default
// (linear between order statistics). By any other rule, the threshold is at least a hundredth of the mean
// above the mean, so that identical pictures do not raise an alarm themselves. scores: not empty.
ScoreStatistics describe_scores(const NormalScores &scores, const ThresholdRule &rule);

// The number of these scores that reach the threshold of the statistics that describe them.
std::int64_t count_alarms(const NormalScores &scores, const ScoreStatistics &statistics);

// Whether the scores differ so little that the threshold is this minimum.
bool all_alike(const ScoreStatistics &statistics);

// Computes thresholds from the scores of held-out normal pictures, by source name: one for each source with
// enough scores, and the pooled one. Scores that are not numbers are left out. Without any score, the
// calibration is empty.
Calibration calibrate(const std::map<std::string, NormalScores> &scores, const ThresholdRule &rule);

// Converts a rule to the text in a calibration, and back; an unknown text gives the default rule.
std::string text_of(const ThresholdRule &rule);
ThresholdRule rule_of(const std::string &text);

// The statistics of both samples together, with the threshold recomputed by the rule. This is not possible
// for a quantile, or if one of them has no tail; the higher threshold is then kept.
ScoreStatistics combine(const ScoreStatistics &a, const ScoreStatistics &b, const std::string &rule);

// The statistics or the calibration with thresholds recomputed by another rule, which must not be a quantile.
ScoreStatistics redraw(ScoreStatistics statistics, const ThresholdRule &rule);
Calibration redraw(Calibration calibration, const ThresholdRule &rule);

// Adds the scores of another calibration.
Calibration combine(Calibration calibration, const Calibration &other);

// Replaces the statistics of the sources in `fresh`; those of other sources are kept. The pooled statistics
// are those of all sources together, the rule is that of `fresh`.
Calibration replace(Calibration calibration, const Calibration &fresh);

// 90 % confidence interval of the threshold for a number of standard deviations (asymptotic, for normally
// distributed scores) or of false alarms per hour (extreme_value.h); absent for a quantile. Scores are
// assumed to be independent; for neighboring frames, the real interval is wider.
std::optional<Interval> threshold_interval(const ScoreStatistics &statistics, const ThresholdRule &rule);

// Warnings for the user about the reliability of a threshold by false alarms per hour: the requested rate is
// too low for the length of the footage, or there are few runs. Usually empty.
std::vector<std::string> threshold_warnings(const ScoreStatistics &statistics, const ThresholdRule &rule);

// A sentence that says that the calibration does not know a source, and which it does; empty if there is
// nothing to say. An unknown name is mostly a mistake, unless nobody chose it and the model has one source.
std::string unknown_source(const Calibration &calibration, const std::string &source, bool chosen);

}  // namespace uniad
