// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

namespace uniad {

// The places around a peak of the anomaly map belong to it down to this share of it.
constexpr float region_foot = 0.65F;

// The value of the anomaly map at which the colours of a heat map end: they tell places apart up to the
// strongest region's score, and a frame that just reaches the threshold is not as red as a strong anomaly.
inline double heat_end(double threshold, double strongest) {
  return std::max(1.2 * threshold, strongest);
}

}  // namespace uniad
