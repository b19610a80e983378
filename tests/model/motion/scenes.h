// SPDX-License-Identifier: Apache-2.0
// Generated scenes with motion.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/health/picture.h"
#include "model/preprocess/frame_view.h"

namespace uniad::test {

inline constexpr int scene_width = 360;
inline constexpr int scene_height = 240;

inline std::chrono::nanoseconds at_frame(int number, double rate = 25) {
  return std::chrono::nanoseconds(std::llround(number / rate * 1e9));
}

// A textured square of `size` pixels before a textured wall, in gray.
class SquareScene {
 public:
  // The view is valid until the next call.
  FrameView at(double x, double y, int size = 40) {
    pixels_.resize(std::size_t{scene_width} * scene_height);
    for (int row = 0; row < scene_height; ++row)
      for (int column = 0; column < scene_width; ++column) {
        const bool inside = column >= x && column < x + size && row >= y && row < y + size;
        const double level = inside ? texture(column - x, row - y, 200) : texture(column, row, 90);
        pixels_[static_cast<std::size_t>(row) * scene_width + static_cast<std::size_t>(column)] =
            static_cast<std::uint8_t>(level);
      }
    FrameView view;
    view.layout = PixelLayout::GRAY8;
    view.range = ColorRange::Full;
    view.width = scene_width;
    view.height = scene_height;
    view.planes[0] = {pixels_.data(), scene_width};
    return view;
  }

 private:
  static double texture(double x, double y, double level) {
    return level + 25 * std::sin(x / 5) + 15 * std::cos(y / 7);
  }

  std::vector<std::uint8_t> pixels_;
};

}  // namespace uniad::test
