// SPDX-License-Identifier: Apache-2.0
// One score of a frame for what it looks like and for how it moves.
#pragma once

#include "model/scoring/calibration.h"

namespace uniad {

// What is added to the motion score of a frame (motion_statistics.h) for a score that counts both: a tenth of
// how rarely normal frames reach the anomaly score, on the same scale. There, ln 100 is the score that 1 % of
// them exceed, by a normal distribution; one more is the mean excess of normal peaks (extreme_value.h), or a
// standard deviation if that is not known. The sum depends on no unit, and can be compared between sources.
double appearance_part(double anomaly_score, const ScoreStatistics &normal);

}  // namespace uniad
