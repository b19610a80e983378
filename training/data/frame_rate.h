// SPDX-License-Identifier: Apache-2.0
// The frame rates of sources, for false alarms per hour.
#pragma once

#include <optional>
#include <span>

#include "model/scoring/calibration.h"
#include "training/data/source.h"

namespace uniad {

// Sets the frame rate of every source, in frames per second. If it is absent, each source keeps the frame
// rate of its videos.
void set_frame_rates(std::span<Source> sources, std::optional<double> frames_per_second);

// Throws Error naming a source whose frame rate is not known, if the rule requires frame rates.
void require_frame_rates(std::span<const Source> sources, const ThresholdRule &rule);

}  // namespace uniad
