// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/extreme_value.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <random>

namespace uniad {
namespace {

// The value that an excess exceeds with this probability.
double pareto_quantile(const ParetoFit &fit, double probability) {
  const double rarity = -std::log(probability);
  constexpr double exponential = 1e-9;
  if (std::abs(fit.shape) < exponential) return fit.scale * rarity;
  return fit.scale * std::expm1(fit.shape * rarity) / fit.shape;
}

double pareto_exceedance(const ParetoFit &fit, double excess) {
  constexpr double exponential = 1e-9;
  if (std::abs(fit.shape) < exponential) return std::exp(-excess / fit.scale);
  const double inside = 1 + fit.shape * excess / fit.scale;
  return inside > 0 ? std::pow(inside, -1 / fit.shape) : 0;
}

// The lowest level that only few of the scores exceed: a tenth of them, but at least 20, and at most a
// quarter. scores: not empty.
double choose_level(std::vector<double> scores) {
  constexpr std::size_t enough = 20;
  const std::size_t above = std::max(scores.size() / 10, std::min(enough, scores.size() / 4));
  const auto level = scores.begin() + static_cast<std::ptrdiff_t>(above);
  std::nth_element(scores.begin(), level, scores.end(), std::greater<>());
  return *level;
}

std::vector<double> peaks_above(const NormalScores &scores, double level) {
  std::vector<double> peaks;
  bool above = false;  // the previous frame
  for (std::size_t i = 0; i < scores.values.size(); ++i) {
    const double score = scores.values[i];
    const bool goes_on = above && !scores.continues.empty() && scores.continues[i];
    above = score > level;
    if (!above) continue;
    if (goes_on)
      peaks.back() = std::max(peaks.back(), score);
    else
      peaks.push_back(score);
  }
  std::sort(peaks.begin(), peaks.end(), std::greater<>());
  return peaks;
}

// `peaks`: descending, all above the level.
ScoreTail make_tail(double level, std::vector<double> peaks, double frame_rate) {
  if (peaks.size() > ScoreTail::most_peaks) {
    level = peaks[ScoreTail::most_peaks];
    std::erase_if(peaks, [level](double peak) { return !(peak > level); });
  }
  ScoreTail tail{level, 0, 0, std::move(peaks), frame_rate};
  std::vector<double> excesses;
  std::transform(tail.peaks.rbegin(), tail.peaks.rend(), std::back_inserter(excesses),
                 [level](double peak) { return peak - level; });
  if (excesses.empty()) return tail;
  const ParetoFit fit = fit_pareto(excesses);
  tail.scale = fit.scale;
  tail.shape = fit.shape;
  return tail;
}

double runs_per_hour(double runs, std::int64_t frames, double frame_rate) {
  return 3600 * frame_rate * runs / static_cast<double>(frames);
}

// The expected number of runs that reach a score above the level.
double expected_runs(const ScoreTail &tail, double score) {
  const auto runs = static_cast<double>(tail.peaks.size());
  const double fitted = runs * pareto_exceedance({tail.scale, tail.shape}, score - tail.level);
  const auto seen = std::ranges::count_if(tail.peaks, [score](double peak) { return peak >= score; });
  return fitted * (1 + static_cast<double>(seen)) / (1 + fitted);
}

// The lowest score that at most this many runs are expected to reach; at least the level.
double score_of_runs(const ScoreTail &tail, double runs) {
  if (runs >= static_cast<double>(tail.peaks.size())) return tail.level;
  double low = tail.level;
  double high = std::max(tail.peaks.front(), tail.level + tail.scale);
  while (expected_runs(tail, high) > runs) high += high - low;
  for (double middle = (low + high) / 2; low < middle && middle < high; middle = (low + high) / 2)
    (expected_runs(tail, middle) > runs ? low : high) = middle;
  return high;
}

}  // namespace

ParetoFit fit_pareto(std::span<const double> excesses) {
  constexpr double least_shape = -1;
  constexpr double greatest_shape = 0.5;
  constexpr double prior_excesses = 10;
  const auto count = static_cast<double>(excesses.size());
  double sum = 0;
  double weighted = 0;  // sum weighted by the share of the other excesses that are above
  for (std::size_t i = 0; i < excesses.size(); ++i) {
    sum += excesses[i];
    if (excesses.size() > 1) weighted += excesses[i] * (count - 1 - static_cast<double>(i)) / (count - 1);
  }
  const double mean = sum / count;
  ParetoFit fit;
  if (excesses.size() > 1) {
    const double spread = mean - 2 * weighted / count;  // 0: all excesses are equal
    const double shape = spread > 0 ? 2 - mean / spread : least_shape;
    fit.shape = std::clamp(shape, least_shape, greatest_shape) * count / (count + prior_excesses);
  }
  fit.scale = mean * (1 - fit.shape);
  if (fit.shape < 0 && -fit.scale / fit.shape < excesses.back()) fit.shape = -fit.scale / excesses.back();
  return fit;
}

ScoreTail tail_of(const NormalScores &scores) {
  const double level = choose_level(scores.values);
  return make_tail(level, peaks_above(scores, level), scores.frame_rate);
}

ScoreTail combine(const ScoreTail &a, const ScoreTail &b) {
  const double level = std::max(a.level, b.level);
  std::vector<double> peaks;
  std::merge(a.peaks.begin(), a.peaks.end(), b.peaks.begin(), b.peaks.end(), std::back_inserter(peaks),
             std::greater<>());
  std::erase_if(peaks, [level](double peak) { return !(peak > level); });
  return make_tail(level, std::move(peaks), std::max(a.frame_rate, b.frame_rate));
}

double alarms_per_hour(const ScoreTail &tail, std::int64_t frames, double score) {
  const double at_level = runs_per_hour(static_cast<double>(tail.peaks.size()), frames, tail.frame_rate);
  if (tail.peaks.empty() || score <= tail.level) return at_level;
  return runs_per_hour(expected_runs(tail, score), frames, tail.frame_rate);
}

double score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour) {
  return score_of_runs(tail, alarms_per_hour / runs_per_hour(1, frames, tail.frame_rate));
}

double mean_excess(const ScoreTail &tail) {
  return tail.scale / (1 - tail.shape);
}

Interval interval_of_score_reached(const ScoreTail &tail, std::int64_t frames, double alarms_per_hour) {
  if (tail.peaks.empty()) return {tail.level, tail.level};
  constexpr std::size_t draws = 1000;
  constexpr std::size_t tail_draws = draws / 20;
  std::mt19937_64 random(1);
  std::poisson_distribution<int> runs(static_cast<double>(tail.peaks.size()));
  const auto positive_share = [&random] { return static_cast<double>((random() >> 11) + 1) * 0x1p-53; };
  std::vector<double> scores(draws);
  for (double &score : scores) {
    std::vector<double> peaks(static_cast<std::size_t>(std::max(runs(random), 1)));
    for (double &peak : peaks)
      peak = tail.level + pareto_quantile({tail.scale, tail.shape}, positive_share());
    std::sort(peaks.begin(), peaks.end(), std::greater<>());
    score = score_reached(make_tail(tail.level, std::move(peaks), tail.frame_rate), frames, alarms_per_hour);
  }
  std::sort(scores.begin(), scores.end());
  return {scores[tail_draws], scores[draws - 1 - tail_draws]};
}

}  // namespace uniad
