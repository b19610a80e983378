// SPDX-License-Identifier: Apache-2.0
#include "training/train/calibration.h"

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
  statistics.threshold = rule.quantile
                             ? quantile(scores, *rule.quantile)
                             : statistics.mean + rule.standard_deviations * statistics.standard_deviation;
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

}  // namespace uniad
