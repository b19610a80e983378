// SPDX-License-Identifier: Apache-2.0
// The small gray picture that camera health checks use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace uniad {

// Luma, 0..255, row-major. Empty: no picture.
struct GrayPicture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values;

  bool empty() const { return values.empty(); }
};

// A picture with floating-point values.
struct LumaPlane {
  int width = 0;
  int height = 0;
  std::vector<float> values;

  float at(int x, int y) const {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

// The luma (ITU-R BT.601) of an RGB picture, height x width x 3.
void luma_of_rgb(std::span<const std::uint8_t> rgb, int width, int height, GrayPicture &luma);

// The luma of a normalized network input, 3 x height x width, value = (x / 255 - mean) / std. Values that are
// not finite become black.
void luma_of_input(std::span<const float> chw, int width, int height, std::span<const float, 3> mean,
                   std::span<const float, 3> std, GrayPicture &luma);

// The picture resized to width x height. Each pixel is the mean of the pixels that it covers, which are at
// least one.
LumaPlane reduce(const GrayPicture &picture, int width, int height);
LumaPlane halve(const LumaPlane &plane);  // means of 2x2 pixels; an odd last row or column is dropped

// The mean of each pixel and its eight neighbors, or those that exist.
LumaPlane smooth(const LumaPlane &plane);

// The length of the gradient, by central differences over two pixels; 0 on the border.
LumaPlane edges(const LumaPlane &plane);

// Pearson's correlation of two planes of the same size; 0 if one of them is constant.
double correlation(const LumaPlane &a, const LumaPlane &b);

}  // namespace uniad
