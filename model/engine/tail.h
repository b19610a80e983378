// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// Scores of normal frames or pictures.
struct NormalScores {
  std::vector<double> values;   // finite
  std::vector<bool> continues;  // by value: its frame comes right after the one before; empty: none does
  double frame_rate = 0;        // frames a second; 0: not known
};

// Peaks over threshold (Davison and Smith 1990; Coles 2001, section 4). A run of consecutive frames above the
// level is one event, as it is one alarm, and gives one peak (runs declustering with a run length of 1; what
// is not known to be consecutive is a run of its own). The level leaves a tenth of the scores above it, or
// where these are fewer than 20 as many, but a quarter at most; it rises until no more than
// ScoreTail::most_peaks runs are left.
ScoreTail tail_of(const NormalScores &scores);

// The tail of both samples together, above the higher of the levels.
ScoreTail combine(const ScoreTail &a, const ScoreTail &b);

struct ParetoFit {
  double scale = 0;
  double shape = 0;  // xi; Hosking and Wallis call -xi k
};

// The generalised Pareto distribution of excesses, ascending and not negative: by probability-weighted
// moments, which do better than the likelihood below 500 excesses (Hosking and Wallis 1987; unbiased
// moments). The shape is held from -1, the uniform distribution, to 1/2, from where the moments have no
// variance. Few excesses say little of it, so it is drawn towards 0, the exponential distribution, as if ten
// excesses spoke for that (the weight of the prior in Vehtari et al. 2024, Pareto smoothed importance
// sampling); the mean of the excesses stays. The distribution never ends below the largest of them (Dupuis
// and Tsao 1998).
ParetoFit fit_pareto(std::span<const double> excesses);

// Runs of frames at or above `score` in an hour of normal footage, of which the tail was measured on `frames`
// frames. Without a frame rate: not to be asked. Below the level: as often as at the level.
double alarms_per_hour(const ScoreTail &tail, std::int64_t frames, double score);

// The score that as many runs an hour reach, at least the level (Coles 2001, eq. 4.12).
double score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour);

// Mean of what the peaks exceed the level by; 0 without peaks.
double mean_excess(const ScoreTail &tail);

struct Interval {
  double low = 0, high = 0;
};

// 90 % interval of score_reached(): parametric bootstrap, the number of runs Poisson, 1,000 draws of a fixed
// seed.
Interval interval_of_score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour);

}  // namespace uniad
