// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace uniad {

struct PictureShape {
  int width = 0;
  int height = 0;
};

// A picture's masks together at input size, height x width, 1 where any of them is abnormal: read as grey,
// resized by Pillow's NEAREST (pixel centres; facts 2), non-zero; of a lossy format (is_lossy_picture()), at
// least half of the mask's maximum. `shape`: of the picture they are of;
// absent: not compared. Throws Error when one cannot be read, or has another shape than the picture; another
// size of the same shape is fine.
std::vector<std::uint8_t> read_masks(std::span<const std::filesystem::path> masks, int width, int height,
                                     std::optional<PictureShape> shape = std::nullopt);

// Whether any pixel of the mask is abnormal, in its own size. Throws Error when it cannot be read.
bool has_abnormal_pixel(const std::filesystem::path &mask);

}  // namespace uniad
