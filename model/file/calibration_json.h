// SPDX-License-Identifier: Apache-2.0
// Converts thresholds and the statistics of normal scores to the JSON of model files, and back.
#pragma once

#include <nlohmann/json.hpp>

#include "model/file/json_field.h"
#include "model/scoring/calibration.h"

namespace uniad {

nlohmann::ordered_json to_json(const ScoreStatistics &statistics);
nlohmann::ordered_json to_json(const Calibration &calibration);

// Throw Error if a value is missing or outside its range.
ScoreStatistics score_statistics_from(const Field &field);
Calibration calibration_from(const Field &field);

}  // namespace uniad
