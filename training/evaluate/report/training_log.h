// SPDX-License-Identifier: Apache-2.0
// Reads the log of a training for the report.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "training/evaluate/report/chart.h"

namespace uniad {

// The curves in a file that `uniad train --log` wrote, with one JSON object per line: "loss", "gradient_norm"
// and "lr" over "step". Values that are not numbers are left out, and so is a truncated last line. Throws
// Error if the file does not exist, a line is malformed, or there are no training steps.
std::map<std::string, std::vector<Point>> read_training_log(const std::filesystem::path &path);

}  // namespace uniad
