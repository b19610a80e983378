// SPDX-License-Identifier: Apache-2.0
// What other thresholds would find.
#pragma once

#include <span>

#include "model/scoring/calibration.h"
#include "training/metrics/metrics.h"

namespace uniad {

// The share of abnormal and of normal pictures that reach thresholds other than the model's, at 2, 3 and 4
// standard deviations of `learned` above its mean: found_2sd, false_2sd and so on. Then the lowest threshold
// that at most 0.1, 1 and 5 % of these normal pictures reach, in standard deviations above the mean, and what
// it finds: sd_0.1%, found_0.1% and so on. Empty without normal or without abnormal pictures, and if normal
// scores do not vary.
Figures operating_points(std::span<const float> normal, std::span<const float> abnormal,
                         const ScoreStatistics &learned);

}  // namespace uniad
