// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/operating_points.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace uniad {
namespace {

double share_at(std::span<const float> scores, double threshold) {
  const auto reach = std::ranges::count_if(scores, [threshold](float score) { return score >= threshold; });
  return static_cast<double>(reach) / static_cast<double>(scores.size());
}

// The next number above the score that must not reach the threshold.
double lowest_threshold(std::vector<float> normal, double allowed_share) {
  const auto allowed = static_cast<std::size_t>(allowed_share * static_cast<double>(normal.size()));
  const auto highest_forbidden = normal.begin() + static_cast<std::ptrdiff_t>(allowed);
  std::ranges::nth_element(normal, highest_forbidden, std::greater<>());
  return std::nextafter(*highest_forbidden, INFINITY);
}

}  // namespace

Figures operating_points(std::span<const float> normal, std::span<const float> abnormal,
                         const ScoreStatistics &learned) {
  if (normal.empty() || abnormal.empty() || !(learned.standard_deviation > 0)) return {};
  Figures figures;
  for (const int deviations : {2, 3, 4}) {
    const double threshold = learned.mean + deviations * learned.standard_deviation;
    const std::string name = std::to_string(deviations) + "sd";
    figures["found_" + name] = share_at(abnormal, threshold);
    figures["false_" + name] = share_at(normal, threshold);
  }
  for (const auto &[share, name] : {std::pair{0.001, "0.1%"}, {0.01, "1%"}, {0.05, "5%"}}) {
    const double threshold = lowest_threshold({normal.begin(), normal.end()}, share);
    figures[std::string("sd_") + name] = (threshold - learned.mean) / learned.standard_deviation;
    figures[std::string("found_") + name] = share_at(abnormal, threshold);
  }
  return figures;
}

}  // namespace uniad
