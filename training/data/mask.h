// SPDX-License-Identifier: Apache-2.0
// Reads masks of defects.
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

// Returns the union of a picture's masks at input size, height x width, 1 where any of them is abnormal.
// Masks are read as gray and resized with Pillow's NEAREST (pixel centers; docs/network-details.md, "Input").
// A pixel is abnormal if it is not zero or, in a lossy format (is_lossy_picture()), at least half of the
// mask's maximum. shape: the shape of the picture; absent: not checked. Throws Error if a mask cannot be read
// or its aspect ratio differs from that of the picture.
std::vector<std::uint8_t> read_masks(std::span<const std::filesystem::path> masks, int width, int height,
                                     std::optional<PictureShape> shape = std::nullopt);

// Whether any pixel of the mask is abnormal at its full size. Throws Error if it cannot be read.
bool has_abnormal_pixel(const std::filesystem::path &mask);

}  // namespace uniad
