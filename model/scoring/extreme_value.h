// SPDX-License-Identifier: Apache-2.0
// The tail of normal scores, by extreme-value theory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uniad {

// The upper tail of normal scores: the highest score of every run of consecutive frames above a level, and
// the generalized Pareto distribution of the amounts by which these peaks exceed the level.
struct ScoreTail {
  static constexpr std::size_t most_peaks = 100;

  double level = 0;
  double scale = 0;           // 0 without peaks
  double shape = 0;           // below 0: normal scores end at level - scale / shape
  std::vector<double> peaks;  // descending, all above the level
  double frame_rate = 0;      // frames per second, for false alarms per hour; 0: not known
};

// Scores of normal frames or pictures.
struct NormalScores {
  std::vector<double> values;  // finite; local scores if there are distances
  std::vector<bool>
      continues;  // for each value: whether its frame directly follows the previous one; empty: none does
  double frame_rate = 0;  // frames per second; 0: not known
  // For each value, the distance of the picture as a whole and the group it was held out with (image_term.h);
  // empty: not known.
  std::vector<double> distances{};
  std::vector<int> groups{};
};

// Peaks over threshold (Davison and Smith 1990; Coles 2001, section 4). A run of consecutive frames above the
// level is one alarm and gives one peak (runs declustering with a run length of 1; frames that are not known
// to be consecutive are separate runs). A tenth of the scores are above the level, but at least 20 scores and
// at most a quarter; the level is raised until at most ScoreTail::most_peaks runs are left.
ScoreTail tail_of(const NormalScores &scores);

// The tail of both samples together, above the higher of the levels.
ScoreTail combine(const ScoreTail &a, const ScoreTail &b);

struct ParetoFit {
  double scale = 0;
  double shape = 0;  // xi; Hosking and Wallis call -xi k
};

// The generalized Pareto distribution of excesses, ascending and not negative: by probability-weighted
// moments, which are better than maximum likelihood for fewer than 500 excesses (Hosking and Wallis 1987;
// unbiased moments). The shape is limited to the range from -1, the uniform distribution, to 1/2, above which
// the moments have no variance. Few excesses determine it poorly, so it is shrunk toward 0, the exponential
// distribution, with a weight of ten excesses (the prior's weight in Vehtari et al. 2024, Pareto smoothed
// importance sampling); the mean of the excesses is kept. The distribution's end is never below the largest
// excess (Dupuis and Tsao 1998).
ParetoFit fit_pareto(std::span<const double> excesses);

// The number of runs of frames at or above `score` per hour of normal footage, for a tail of `frames` frames.
// Requires a frame rate. Below the level, the result is that at the level.
//
// With f runs that the fitted distribution expects and s runs that were seen to reach the score, the number
// is f (1 + s) / (1 + f): the posterior mean of a Poisson rate whose prior is a gamma distribution with mean
// f and the weight of one run (Gelman et al. 2013, section 2.6). Where many runs were seen, they decide,
// however badly the distribution fits; beyond the highest of them, the fitted distribution decides.
double alarms_per_hour(const ScoreTail &tail, std::int64_t frames, double score);

// The score that this many runs per hour reach, as of alarms_per_hour(); at least the level.
double score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour);

// The mean amount by which the peaks exceed the level; 0 without peaks.
double mean_excess(const ScoreTail &tail);

struct Interval {
  double low = 0, high = 0;
};

// 90 % confidence interval of score_reached(): parametric bootstrap with a Poisson number of runs, 1,000
// draws with a fixed seed.
Interval interval_of_score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour);

}  // namespace uniad
