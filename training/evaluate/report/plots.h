// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/evaluate/figures.h"
#include "training/evaluate/report/chart.h"

namespace uniad {

// Drawings of the report, as SVG. Each has a few hundred points at most, whatever it is made of; empty where
// there is nothing to draw.

// With a dot where the threshold is.
std::string roc_plot(std::span<const float> normal, std::span<const float> abnormal,
                     const std::optional<Confusion> &confusion);

// Of each kind the share in 40 ranges of scores. The hundredth with the highest scores falls in the last one.
std::string histogram_plot(std::span<const float> normal, std::span<const float> abnormal,
                           std::optional<double> threshold);

// Score over time (frame numbers where the frame rate is not known), labelled events behind it and alarms
// above. `gap`: seconds, see events.h.
std::string timeline_plot(const Timeline &timeline, std::optional<double> threshold, double gap);

// A value over training steps: the mean of neighbouring steps where there are many. On a logarithmic axis
// where it keeps above 0 and falls to less than a hundredth.
std::string curve_plot(const std::string &label, std::span<const Point> points);

}  // namespace uniad
