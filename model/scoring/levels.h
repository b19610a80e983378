// SPDX-License-Identifier: Apache-2.0
// Levels of the anomaly map that define regions and colors.
#pragma once

#include <algorithm>

namespace uniad {

// Places around a peak of the anomaly map belong to it down to this fraction of the peak.
constexpr float region_foot = 0.65F;

// The value of the anomaly map at which the colors of a heatmap end, so that they distinguish places up to
// the score of the strongest region, and a frame that just reaches the threshold is less red than a strong
// anomaly.
inline double heat_end(double threshold, double strongest) {
  return std::max(1.2 * threshold, strongest);
}

}  // namespace uniad
