// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/calibration.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <utility>

namespace uniad {
namespace {

double quantile(std::vector<double> scores, double q) {
  std::sort(scores.begin(), scores.end());
  const double position = q * static_cast<double>(scores.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, scores.size() - 1);
  return scores[low] + (position - static_cast<double>(low)) * (scores[high] - scores[low]);
}

bool counts_alarms(const ScoreStatistics &statistics, const ThresholdRule &rule) {
  return rule.false_alarms_per_hour && statistics.tail && statistics.tail->frame_rate > 0;
}

// Identical pictures must not raise an alarm themselves.
double least_threshold(const ScoreStatistics &statistics) {
  constexpr double margin = 0.01;
  return statistics.mean + margin * std::abs(statistics.mean);
}

// By a rule other than a quantile.
double draw_threshold(const ScoreStatistics &statistics, const ThresholdRule &rule) {
  const double wanted = counts_alarms(statistics, rule)
                            ? score_reached(*statistics.tail, statistics.count, *rule.false_alarms_per_hour)
                            : statistics.mean + rule.standard_deviations * statistics.standard_deviation;
  return std::max(wanted, least_threshold(statistics));
}

NormalScores without_non_numbers(NormalScores scores) {
  std::size_t kept = 0;
  bool broken = false;
  const bool has_distances = !scores.distances.empty();
  for (std::size_t i = 0; i < scores.values.size(); ++i) {
    if (!std::isfinite(scores.values[i]) || (has_distances && !std::isfinite(scores.distances[i]))) {
      broken = true;
      continue;
    }
    scores.values[kept] = scores.values[i];
    if (has_distances) {
      scores.distances[kept] = scores.distances[i];
      scores.groups[kept] = scores.groups[i];
    }
    if (!scores.continues.empty()) scores.continues[kept] = scores.continues[i] && !broken;
    broken = false;
    ++kept;
  }
  scores.values.resize(kept);
  if (has_distances) {
    scores.distances.resize(kept);
    scores.groups.resize(kept);
  }
  if (!scores.continues.empty()) scores.continues.resize(kept);
  return scores;
}

void append(NormalScores &to, const NormalScores &from) {
  to.values.insert(to.values.end(), from.values.begin(), from.values.end());
  to.continues.insert(to.continues.end(), from.continues.begin(), from.continues.end());
  to.continues.resize(to.values.size());
  to.distances.insert(to.distances.end(), from.distances.begin(), from.distances.end());
  to.groups.insert(to.groups.end(), from.groups.begin(), from.groups.end());
  to.frame_rate = std::max(to.frame_rate, from.frame_rate);
}

// "2.4 s", "80 s", "60 min", "24 h".
std::string duration(double seconds) {
  const auto [unit, name] = seconds < 120    ? std::pair{1, " s"}
                            : seconds < 7200 ? std::pair{60, " min"}
                                             : std::pair{3600, " h"};
  const double count = seconds / unit;
  std::ostringstream text;
  text << std::fixed << std::setprecision(count < 10 ? 1 : 0) << count << name;
  return text.str();
}

}  // namespace

const ScoreStatistics *Calibration::find(const std::string &source) const {
  const auto own = sources.find(source);
  if (own != sources.end()) return &own->second;
  return pooled ? &*pooled : nullptr;
}

ScoreStatistics describe_scores(const NormalScores &scores, const ThresholdRule &rule) {
  if (const auto term = image_term_of(scores.values, scores.distances, scores.groups)) {
    NormalScores whole{scores.values, scores.continues, scores.frame_rate, {}, {}};
    for (std::size_t i = 0; i < whole.values.size(); ++i) whole.values[i] += term->part(scores.distances[i]);
    ScoreStatistics statistics = describe_scores(whole, rule);
    statistics.image = term;
    return statistics;
  }
  const auto &values = scores.values;
  const auto count = static_cast<double>(values.size());
  ScoreStatistics statistics;
  statistics.count = static_cast<std::int64_t>(values.size());
  statistics.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  const double squares = std::accumulate(values.begin(), values.end(), 0.0, [&](double sum, double score) {
    return sum + (score - statistics.mean) * (score - statistics.mean);
  });
  statistics.standard_deviation = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0.0;
  statistics.tail = tail_of(scores);
  statistics.threshold = rule.quantile ? quantile(values, *rule.quantile) : draw_threshold(statistics, rule);
  return statistics;
}

std::int64_t count_alarms(const NormalScores &scores, const ScoreStatistics &statistics) {
  std::int64_t alarms = 0;
  for (std::size_t i = 0; i < scores.values.size(); ++i) {
    const double part = statistics.image ? statistics.image->part(scores.distances[i]) : 0;
    alarms += scores.values[i] + part >= statistics.threshold ? 1 : 0;
  }
  return alarms;
}

bool all_alike(const ScoreStatistics &statistics) {
  const ThresholdRule usual;
  return statistics.mean + usual.standard_deviations * statistics.standard_deviation <
         least_threshold(statistics);
}

Calibration calibrate(const std::map<std::string, NormalScores> &scores, const ThresholdRule &rule) {
  Calibration calibration;
  calibration.rule = text_of(rule);
  NormalScores pooled;
  for (const auto &[source, given] : scores) {
    const NormalScores own = without_non_numbers(given);
    append(pooled, own);
    if (own.values.size() >= fewest_scores) calibration.sources[source] = describe_scores(own, rule);
  }
  if (!pooled.values.empty()) calibration.pooled = describe_scores(pooled, rule);
  return calibration;
}

std::string text_of(const ThresholdRule &rule) {
  std::ostringstream text;
  if (rule.quantile)
    text << "quantile " << *rule.quantile;
  else if (rule.false_alarms_per_hour)
    text << *rule.false_alarms_per_hour << " false alarms an hour";
  else
    text << "mean + " << rule.standard_deviations << " sd";
  return text.str();
}

ThresholdRule rule_of(const std::string &text) {
  ThresholdRule rule;
  std::istringstream words(text);
  std::string word;
  double number = 0;
  if (text.starts_with("quantile ") && words >> word >> number && number > 0 && number < 1)
    rule.quantile = number;
  else if (text.starts_with("mean + ") && words >> word >> word >> number && number > 0 && number < 1000)
    rule.standard_deviations = number;
  else if (text.ends_with(" false alarms an hour") && words >> number && number > 0 &&
           number < most_false_alarms_per_hour)
    rule.false_alarms_per_hour = number;
  return rule;
}

ScoreStatistics combine(const ScoreStatistics &a, const ScoreStatistics &b, const std::string &rule) {
  if (a.count == 0 || b.count == 0) return a.count == 0 ? b : a;
  const auto n = static_cast<double>(a.count);
  const auto m = static_cast<double>(b.count);
  ScoreStatistics both;
  both.count = a.count + b.count;
  both.mean = (n * a.mean + m * b.mean) / (n + m);
  both.standard_deviation =
      combined_deviation(a.standard_deviation, b.standard_deviation, a.count, b.count, a.mean, b.mean);
  both.image = combine(a.image, b.image, a.count, b.count, a.mean, b.mean);
  if (a.tail && b.tail) both.tail = combine(*a.tail, *b.tail);
  const ThresholdRule drawn = rule_of(rule);
  const bool needs_scores = drawn.quantile || (drawn.false_alarms_per_hour && !counts_alarms(both, drawn));
  both.threshold = needs_scores ? std::max(a.threshold, b.threshold) : draw_threshold(both, drawn);
  return both;
}

ScoreStatistics redraw(ScoreStatistics statistics, const ThresholdRule &rule) {
  statistics.threshold = draw_threshold(statistics, rule);
  return statistics;
}

Calibration redraw(Calibration calibration, const ThresholdRule &rule) {
  calibration.rule = text_of(rule);
  for (auto &[source, statistics] : calibration.sources) statistics = redraw(std::move(statistics), rule);
  if (calibration.pooled) calibration.pooled = redraw(*std::move(calibration.pooled), rule);
  return calibration;
}

Calibration combine(Calibration calibration, const Calibration &other) {
  if (calibration.rule.empty()) calibration.rule = other.rule;
  for (const auto &[source, statistics] : other.sources) {
    ScoreStatistics &own = calibration.sources[source];
    own = combine(own, statistics, calibration.rule);
  }
  if (other.pooled)
    calibration.pooled =
        combine(calibration.pooled.value_or(ScoreStatistics{}), *other.pooled, calibration.rule);
  return calibration;
}

Calibration replace(Calibration calibration, const Calibration &fresh) {
  calibration.rule = fresh.rule;
  for (const auto &[source, statistics] : fresh.sources) calibration.sources[source] = statistics;
  ScoreStatistics pooled;
  for (const auto &[source, statistics] : calibration.sources)
    pooled = combine(pooled, statistics, calibration.rule);
  if (pooled.count > 0) calibration.pooled = pooled;
  return calibration;
}

std::optional<Interval> threshold_interval(const ScoreStatistics &statistics, const ThresholdRule &rule) {
  if (rule.quantile || statistics.count < 2) return std::nullopt;
  Interval interval;
  if (counts_alarms(statistics, rule)) {
    interval = interval_of_score_reached(*statistics.tail, statistics.count, *rule.false_alarms_per_hour);
  } else {
    // The variances of the mean and of the sample standard deviation, which are independent.
    const auto n = static_cast<double>(statistics.count);
    const double k = rule.standard_deviations;
    constexpr double normal_95 = 1.6449;
    const double reach = normal_95 * statistics.standard_deviation * std::sqrt(1 / n + k * k / (2 * (n - 1)));
    interval = {statistics.threshold - reach, statistics.threshold + reach};
  }
  const double least = least_threshold(statistics);
  return Interval{std::max(interval.low, least), std::max(interval.high, least)};
}

std::vector<std::string> threshold_warnings(const ScoreStatistics &statistics, const ThresholdRule &rule) {
  constexpr double farthest = 10;
  constexpr std::size_t fewest_runs = 20;
  std::vector<std::string> found;
  if (!counts_alarms(statistics, rule)) return found;
  const ScoreTail &tail = *statistics.tail;
  const double seconds = static_cast<double>(statistics.count) / tail.frame_rate;
  const double wanted = 3600 / *rule.false_alarms_per_hour;  // seconds per alarm
  std::ostringstream text;
  if (wanted > farthest * seconds) {
    text << "one false alarm in " << duration(wanted) << " was requested, " << std::lround(wanted / seconds)
         << " times as long as the " << duration(seconds)
         << " of normal footage that the threshold is computed from (" << statistics.count
         << " frames): provide " << std::llround(std::ceil(wanted / farthest * tail.frame_rate))
         << " normal frames or more";
    found.push_back(text.str());
  }
  text.str({});
  if (tail.peaks.size() < fewest_runs) {
    text << "the threshold is computed from only " << tail.peaks.size() << " runs of frames above "
         << tail.level << ": provide longer normal footage for a more reliable threshold";
    found.push_back(text.str());
  }
  return found;
}

std::string unknown_source(const Calibration &calibration, const std::string &source, bool chosen) {
  const auto &sources = calibration.sources;
  if (sources.empty() || sources.contains(source) || (!chosen && sources.size() == 1)) return {};
  std::string known;
  for (const auto &[name, statistics] : sources) known += (known.empty() ? "\"" : ", \"") + name + "\"";
  return "the source \"" + source +
         "\" is not known and judged by the threshold of all sources together; known " +
         (sources.size() == 1 ? "is " : "are ") + known;
}

}  // namespace uniad
