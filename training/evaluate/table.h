// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>

#include "training/evaluate/figures.h"

namespace uniad {

// A row a class, below it one a defect type where it has several, and the mean; below it, where some class
// lacks a figure, how many classes each mean is over; then a row a video with labelled events. At most 100
// columns for names of up to 20 letters.
void print_table(const std::map<std::string, ClassFigures> &classes, std::ostream &out);

// {"classes": {NAME: {"images": N, FIGURE: value, ..., "defects": {TYPE: {"images": N, FIGURE: value, ...}},
// "events": {FIGURE: value, ...}}}, "mean": {FIGURE: value, ...}, "mean_classes": {FIGURE: how many classes
// its mean is over, ...}} with the names of figures.h and events.h.
nlohmann::ordered_json to_json(const std::map<std::string, ClassFigures> &classes);

}  // namespace uniad
