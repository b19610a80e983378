// SPDX-License-Identifier: Apache-2.0
#include "model/engine/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

namespace uniad {
namespace {

double quantile(const std::vector<double> &sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

std::string rule_text(const ThresholdRule &rule) {
  std::ostringstream text;
  if (rule.quantile) {
    text << "quantile " << *rule.quantile;
  } else {
    text << "mean + " << rule.standard_deviations << " sd";
  }
  return text.str();
}

double threshold_above(double mean, double standard_deviations, double standard_deviation) {
  constexpr double least_margin = 0.01;
  return mean + std::max(standard_deviations * standard_deviation, least_margin * std::abs(mean));
}

}  // namespace

ScoreStatistics describe_scores(std::vector<double> scores, const ThresholdRule &rule) {
  std::sort(scores.begin(), scores.end());
  const auto count = static_cast<double>(scores.size());
  ScoreStatistics statistics;
  statistics.count = static_cast<std::int64_t>(scores.size());
  statistics.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  const double squares = std::accumulate(scores.begin(), scores.end(), 0.0, [&](double sum, double score) {
    return sum + (score - statistics.mean) * (score - statistics.mean);
  });
  statistics.standard_deviation = scores.size() > 1 ? std::sqrt(squares / (count - 1)) : 0.0;
  statistics.threshold = rule.quantile ? quantile(scores, *rule.quantile)
                                       : threshold_above(statistics.mean, rule.standard_deviations,
                                                         statistics.standard_deviation);
  return statistics;
}

Calibration calibrate(const std::map<std::string, std::vector<double>> &scores, const ThresholdRule &rule) {
  Calibration calibration;
  calibration.rule = rule_text(rule);
  std::vector<double> pooled;
  for (const auto &[source, own] : scores) {
    pooled.insert(pooled.end(), own.begin(), own.end());
    if (own.size() >= fewest_scores) calibration.sources[source] = describe_scores(own, rule);
  }
  if (!pooled.empty()) calibration.pooled = describe_scores(pooled, rule);
  return calibration;
}

ThresholdRule rule_of(const std::string &text) {
  ThresholdRule rule;
  std::istringstream words(text);
  std::string first;
  std::string plus;
  double number = 0;
  if (text.starts_with("quantile ") && words >> first >> number)
    rule.quantile = number;
  else if (text.starts_with("mean + ") && words >> first >> plus >> number)
    rule.standard_deviations = number;
  return rule;
}

ScoreStatistics combine(const ScoreStatistics &a, const ScoreStatistics &b, const std::string &rule) {
  if (a.count == 0 || b.count == 0) return a.count == 0 ? b : a;
  const auto n = static_cast<double>(a.count);
  const auto m = static_cast<double>(b.count);
  ScoreStatistics both;
  both.count = a.count + b.count;
  both.mean = (n * a.mean + m * b.mean) / (n + m);
  // Chan, Golub and LeVeque 1979.
  const double squares = (n - 1) * a.standard_deviation * a.standard_deviation +
                         (m - 1) * b.standard_deviation * b.standard_deviation +
                         (a.mean - b.mean) * (a.mean - b.mean) * n * m / (n + m);
  both.standard_deviation = std::sqrt(squares / (n + m - 1));
  const ThresholdRule drawn = rule_of(rule);
  both.threshold = drawn.quantile
                       ? std::max(a.threshold, b.threshold)
                       : threshold_above(both.mean, drawn.standard_deviations, both.standard_deviation);
  return both;
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

}  // namespace uniad
