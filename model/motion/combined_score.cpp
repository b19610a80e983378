// SPDX-License-Identifier: Apache-2.0
#include "model/motion/combined_score.h"

#include <algorithm>

#include "model/motion/motion_statistics.h"

namespace uniad {

double appearance_part(double anomaly_score, const ScoreStatistics &normal) {
  constexpr double weight = 0.1;          // chosen on a public pedestrian benchmark
  constexpr double quantile_99 = 2.3263;  // of the standard normal distribution
  constexpr double least = 1e-6;
  const double usual = std::max(normal.mean + quantile_99 * normal.standard_deviation, least);
  double excess = normal.tail ? mean_excess(*normal.tail) : 0;
  if (!(excess > 0)) excess = normal.standard_deviation;
  return weight * motion_score(std::max(anomaly_score, 0.0), {usual, std::max(excess, least * usual)});
}

}  // namespace uniad
