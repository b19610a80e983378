// SPDX-License-Identifier: Apache-2.0
// Reads the picture of a mask.
#pragma once

#include <filesystem>

#include "model/scoring/zones.h"

namespace uniad {

inline constexpr int most_mask_side = 8192;  // pixels

// A PNG file of any color type; pixels darker than half of white are ignored, and transparent ones are not.
// Throws Error.
MaskPicture read_mask(const std::filesystem::path &path);

}  // namespace uniad
