// SPDX-License-Identifier: Apache-2.0
// Pictures for the tests of the engine.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "model/engine/backend/backend.h"

namespace uniad::test {

// RGB pictures of coarse patches with noise; each number gives a different one.
class RandomPicture {
 public:
  RandomPicture(int width, int height, unsigned seed) : width_(width), height_(height) {
    std::mt19937 source(seed);
    std::uniform_int_distribution patch(0, 199), noise(0, 55);
    const int columns = width / patch_size + 1;
    std::vector<int> patches(static_cast<std::size_t>(3 * columns * (height / patch_size + 1)));
    for (int &value : patches) value = patch(source);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < 3; ++c)
          pixels_.push_back(static_cast<std::uint8_t>(
              noise(source) +
              patches[static_cast<std::size_t>((y / patch_size * columns + x / patch_size) * 3 + c)]));
  }

  FrameView view() const {
    FrameView frame;
    frame.layout = PixelLayout::RGB;
    frame.width = width_;
    frame.height = height_;
    frame.planes[0] = {pixels_.data(), 3 * width_};
    return frame;
  }

 private:
  static constexpr int patch_size = 23;
  int width_, height_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace uniad::test
