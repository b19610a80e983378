// SPDX-License-Identifier: Apache-2.0
// Frames for the tests of kernels.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>

#include "model/preprocess/rows.h"

namespace uniad::test {

// A frame of noise in `layout`. Every plane is a heap block that ends with its last pixel, so that sanitizers
// detect reads beyond it.
class NoiseFrame {
 public:
  NoiseFrame(PixelLayout layout, int width, int height, std::uint32_t seed, int padding = 0,
             bool bottom_up = false) {
    std::mt19937 random(seed);
    view.layout = layout;
    view.width = width;
    view.height = height;
    view.matrix = static_cast<ColorMatrix>(seed % 5);
    view.range = seed % 3 == 0 ? ColorRange::Full : ColorRange::Limited;
    view.chroma_site = {.left = seed % 2 == 0, .top = seed % 7 < 3 && layout != PixelLayout::YUY2};
    const Layout format = describe(layout);
    for (int p = 0; p < format.planes; ++p) {
      const auto i = static_cast<std::size_t>(p);
      const std::size_t row = format.row_bytes(p, static_cast<std::size_t>(width));
      const std::size_t stride = row + static_cast<std::size_t>(padding);
      const auto rows = static_cast<std::size_t>(p == 0 ? height : (height + 1) / 2);
      sizes[i] = stride * (rows - 1) + row;
      planes[i] = std::make_unique<std::uint8_t[]>(sizes[i]);
      std::generate_n(planes[i].get(), sizes[i],
                      [&random] { return static_cast<std::uint8_t>(random() >> 24); });
      view.planes[i] = {planes[i].get(), static_cast<std::ptrdiff_t>(stride)};
      if (bottom_up)
        view.planes[i] = {planes[i].get() + stride * (rows - 1), -static_cast<std::ptrdiff_t>(stride)};
    }
  }

  FrameView view;
  std::array<std::unique_ptr<std::uint8_t[]>, 3> planes;
  std::array<std::size_t, 3> sizes{};
};

inline constexpr std::array all_layouts{PixelLayout::I420, PixelLayout::NV12, PixelLayout::YUY2,
                                        PixelLayout::P010, PixelLayout::RGB,  PixelLayout::BGR,
                                        PixelLayout::RGBx, PixelLayout::BGRx, PixelLayout::xRGB,
                                        PixelLayout::xBGR, PixelLayout::GRAY8};

}  // namespace uniad::test
