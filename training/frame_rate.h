// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "model/engine/calibration.h"
#include "training/data/source.h"

namespace uniad {

// Frames a second of every source, instead of what its videos say; absent: as they say.
void set_frame_rates(std::span<Source> sources, std::optional<double> frames_per_second);

// Throws Error naming the source whose frame rate nobody knows, where the rule needs it.
void require_frame_rates(std::span<const Source> sources, const ThresholdRule &rule);

}  // namespace uniad
