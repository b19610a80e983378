// SPDX-License-Identifier: Apache-2.0
#include "model/motion/small_luma.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "model/base/error.h"

namespace uniad {
namespace {

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::mt19937 random(7);
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t &byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// The mean of luma over the area of a pixel, by the definition.
template <typename LumaAt>
double mean_over(LumaAt luma, int width, int height, int rows, int column, int row) {
  const auto overlap = [](int pixel, double begin, double end) {
    return std::max(0.0, std::min<double>(pixel + 1, end) - std::max<double>(pixel, begin));
  };
  const double sx = static_cast<double>(width) / SmallLuma::width;
  const double sy = static_cast<double>(height) / rows;
  double sum = 0, area = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double weight = overlap(x, column * sx, (column + 1) * sx) * overlap(y, row * sy, (row + 1) * sy);
      sum += weight * luma(x, y);
      area += weight;
    }
  return sum / area;
}

template <typename LumaAt>
void expect_means(const FrameView &frame, LumaAt luma, double tolerance = 0.01) {
  SmallLuma reducer;
  LumaPlane plane;
  reducer.reduce(frame, plane);
  ASSERT_EQ(plane.width, 180);
  ASSERT_EQ(plane.height, std::lround(180.0 * frame.height / frame.width));
  for (const int column : {0, 1, 77, 178, 179})
    for (const int row : {0, plane.height / 2, plane.height - 1})
      EXPECT_NEAR(plane.at(column, row),
                  mean_over(luma, frame.width, frame.height, plane.height, column, row), tolerance)
          << column << ", " << row;
}

FrameView view(PixelLayout layout, int width, int height, const std::vector<std::uint8_t> &bytes,
               int stride) {
  FrameView frame;
  frame.layout = layout;
  frame.width = width;
  frame.height = height;
  for (Plane &plane : frame.planes) plane = {bytes.data(), stride};
  return frame;
}

double full(double limited) {
  return (limited - 16) * 255 / 219;
}

TEST(SmallLuma, YcbcrAtAnySize) {
  for (const auto &[width, height] : {std::pair(640, 360), std::pair(238, 158), std::pair(90, 61)}) {
    const auto bytes = random_bytes(static_cast<std::size_t>(width * height * 2));
    const auto at = [&bytes, w = width](int x, int y) {
      return full(bytes[static_cast<std::size_t>(y * w + x)]);
    };
    expect_means(view(PixelLayout::I420, width, height, bytes, width), at);
    expect_means(view(PixelLayout::NV12, width, height, bytes, width), at);
  }
}

TEST(SmallLuma, PackedAndWideFormats) {
  constexpr int width = 364, height = 200;
  const auto bytes = random_bytes(std::size_t{width} * height * 8);
  const auto byte = [&](int row_bytes, int y, int at) {
    return static_cast<double>(bytes[static_cast<std::size_t>(y * row_bytes + at)]);
  };
  expect_means(view(PixelLayout::YUY2, width, height, bytes, 2 * width),
               [&](int x, int y) { return full(byte(2 * width, y, 2 * x)); });
  expect_means(view(PixelLayout::P010, width, height, bytes, 2 * width), [&](int x, int y) {
    return full(byte(2 * width, y, 2 * x + 1) + byte(2 * width, y, 2 * x) / 256);
  });
  FrameView rows = view(PixelLayout::Rows, width, height, bytes, 0);
  rows.unpacked = UnpackedPixel::AYUV8;
  rows.unpack_row = [&](int y, std::span<std::byte> row) {
    ASSERT_EQ(row.size(), std::size_t{4} * width);
    std::memcpy(row.data(), bytes.data() + std::size_t{4} * width * static_cast<std::size_t>(y), row.size());
  };
  expect_means(rows, [&](int x, int y) { return full(byte(4 * width, y, 4 * x + 1)); });
}

TEST(SmallLuma, RgbInEveryOrder) {
  constexpr int width = 300, height = 100;
  const auto bytes = random_bytes(std::size_t{width} * height * 4);
  const auto luma = [&](int pixel_bytes, std::array<int, 3> rgb) {
    return [&bytes, pixel_bytes, rgb](int x, int y) {
      const auto at = static_cast<std::size_t>((y * width + x) * pixel_bytes);
      return 0.299 * bytes[at + static_cast<std::size_t>(rgb[0])] +
             0.587 * bytes[at + static_cast<std::size_t>(rgb[1])] +
             0.114 * bytes[at + static_cast<std::size_t>(rgb[2])];
    };
  };
  expect_means(view(PixelLayout::RGB, width, height, bytes, 3 * width), luma(3, {0, 1, 2}));
  expect_means(view(PixelLayout::BGR, width, height, bytes, 3 * width), luma(3, {2, 1, 0}));
  expect_means(view(PixelLayout::BGRx, width, height, bytes, 4 * width), luma(4, {2, 1, 0}));
  expect_means(view(PixelLayout::xRGB, width, height, bytes, 4 * width), luma(4, {1, 2, 3}));
  expect_means(view(PixelLayout::xBGR, width, height, bytes, 4 * width), luma(4, {3, 2, 1}));
}

TEST(SmallLuma, OddFrames) {
  SmallLuma reducer;
  LumaPlane plane;
  const auto bytes = random_bytes(1 << 16);
  for (const auto &[width, height] :
       {std::pair(1, 1), std::pair(1, 4000), std::pair(4000, 1), std::pair(16, 16)}) {
    FrameView frame = view(PixelLayout::GRAY8, width, height, bytes, width);
    reducer.reduce(frame, plane);
    EXPECT_EQ(plane.values.size(), static_cast<std::size_t>(plane.width * plane.height));
    EXPECT_LE(plane.height, 720);
  }
  EXPECT_THROW(reducer.reduce(FrameView{}, plane), Error);
  FrameView on_gpu = view(PixelLayout::NV12, 64, 64, bytes, 64);
  on_gpu.cuda_device = 0;
  EXPECT_THROW(reducer.reduce(on_gpu, plane), Error);
}

}  // namespace
}  // namespace uniad
