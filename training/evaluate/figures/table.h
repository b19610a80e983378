// SPDX-License-Identifier: Apache-2.0
// The metrics as a table and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>

#include "training/evaluate/figures/figures.h"

namespace uniad {

// Prints a row for each class, followed by one for each type of defect if there are several, and the mean; if
// some class lacks a metric, a row with the number of classes in each mean; then a row for each video with
// labeled events. At most 100 columns wide for names of up to 20 letters.
void print_table(const std::map<std::string, ClassFigures> &classes, std::ostream &out);

// {"classes": {NAME: {"images": N, FIGURE: value, ..., "defects": {TYPE: {"images": N, FIGURE: value, ...}},
// "events": {FIGURE: value, ...}}}, "mean": {FIGURE: value, ...}, "mean_classes": {FIGURE: how many classes
// its mean is over, ...}} with the names of figures.h and events.h.
nlohmann::ordered_json to_json(const std::map<std::string, ClassFigures> &classes);

}  // namespace uniad
