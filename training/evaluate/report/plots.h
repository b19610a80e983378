// SPDX-License-Identifier: Apache-2.0
// The report's plots.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/evaluate/figures/figures.h"
#include "training/evaluate/report/chart.h"

namespace uniad {

// The plots of the report as SVG. Each has at most a few hundred points; empty if there is nothing to draw.

// The ROC curve, with a dot at the threshold.
std::string roc_plot(std::span<const float> normal, std::span<const float> abnormal,
                     const std::optional<Confusion> &confusion);

// For each class, the fraction in 40 ranges of scores. The highest 1 % of all scores is in the last range.
std::string histogram_plot(std::span<const float> normal, std::span<const float> abnormal,
                           std::optional<double> threshold);

// The score over time (over frame numbers if the frame rate is not known), with labeled events in the
// background and alarms above. gap: in seconds, see events.h.
std::string timeline_plot(const Timeline &timeline, std::optional<double> threshold, double gap);

// A value over training steps; averaged over neighboring steps if there are many. The axis is logarithmic if
// the value is always positive and falls to less than a hundredth.
std::string curve_plot(const std::string &label, std::span<const Point> points);

}  // namespace uniad
