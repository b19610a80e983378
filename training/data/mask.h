// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace uniad {

// The mask at input size, height x width, 1 where it is abnormal: read as grey, resized by Pillow's NEAREST
// (pixel centres; facts 2), non-zero. Throws Error when it cannot be read.
std::vector<std::uint8_t> read_mask(const std::filesystem::path &path, int width, int height);

// Whether any pixel of the mask is non-zero, in its own size. Throws Error when it cannot be read.
bool has_abnormal_pixel(const std::filesystem::path &mask);

}  // namespace uniad
