// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "training/evaluate/report/chart.h"

namespace uniad {

// The curves of a file that `uniad train --log` wrote, a JSON object a line with "step": of "loss",
// "gradient_norm" and "lr" the values over the steps. A value that is no number is left out, and so is a last
// line that was cut short. Throws Error: no such file, a malformed line, no curve in it.
std::map<std::string, std::vector<Point>> read_training_log(const std::filesystem::path &path);

}  // namespace uniad
