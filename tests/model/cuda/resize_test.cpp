// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "tests/model/cuda/frames.h"

namespace uniad::test {
namespace {

using cuda::Bf16;
using cuda::ElementType;
using cuda::Fp16;

cuda::FilterView view_of(const Filter &filter) {
  return {filter.windows.data(), filter.weights.data(), filter.taps};
}

// Runs the kernels over their whole grid, with buffers of exactly the required size.
template <typename Element>
std::vector<Element> run_kernels(const FrameView &frame, const InputConfig &input, ElementType type,
                                 bool channels_last) {
  const Filter horizontal = make_filter(frame.width, input.width);
  const Filter vertical = make_filter(frame.height, input.height);
  const auto width = static_cast<std::size_t>(input.width);
  std::vector<std::int16_t> between(static_cast<std::size_t>(frame.height) * 3 * width);
  std::vector<Element> out(3 * width * static_cast<std::size_t>(input.height));
  cuda::resize({frame,
                view_of(horizontal),
                view_of(vertical),
                between.data(),
                input,
                {out.data(), type, channels_last}},
               cuda::HostLauncher{});
  return out;
}

// An input whose mean and standard deviation leave pixel levels unchanged.
InputConfig levels(int width, int height) {
  return {.height = height, .width = width, .mean = {0, 0, 0}, .std = {1 / 255.F, 1 / 255.F, 1 / 255.F}};
}

float largest_difference(const FrameView &frame, const InputConfig &input) {
  Preprocessor preprocessor(input);
  std::vector<float> expected(std::size_t{3} * static_cast<std::size_t>(input.width * input.height));
  preprocessor.run(frame, expected);
  const auto actual = run_kernels<float>(frame, input, ElementType::Fp32, false);
  float largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(actual[i] - expected[i]));
  return largest;
}

bool is_rgb(PixelLayout layout) {
  return describe(layout).pixel_bytes >= 3 || layout == PixelLayout::GRAY8;
}

constexpr std::array<std::array<int, 4>, 16> sizes{{{1, 1, 1, 1},
                                                    {1, 1, 32, 16},
                                                    {2, 1, 33, 31},
                                                    {3, 5, 16, 16},
                                                    {5, 3, 2, 1},
                                                    {64, 64, 64, 64},
                                                    {63, 65, 64, 64},
                                                    {97, 61, 32, 48},
                                                    {64, 480, 224, 224},
                                                    {481, 63, 32, 224},
                                                    {640, 360, 224, 224},
                                                    {1919, 270, 224, 112},
                                                    {255, 193, 56, 57},
                                                    {9001, 3, 32, 32},
                                                    {2, 9001, 16, 32},
                                                    {301, 1025, 16, 32}}};

TEST(CudaResize, FollowsTheCpuInAllLayoutsAndSizes) {
  std::uint32_t seed = 0;
  for (const PixelLayout layout : all_layouts)
    for (const auto &[in_width, in_height, width, height] : sizes) {
      ++seed;
      const NoiseFrame frame(layout, in_width, in_height, seed, static_cast<int>(seed % 4), seed % 3 == 0);
      EXPECT_LE(largest_difference(frame.view, levels(width, height)), is_rgb(layout) ? 0.001F : 1.001F)
          << "layout " << static_cast<int>(layout) << ", " << in_width << "x" << in_height << " to " << width
          << "x" << height << ", seed " << seed;
    }
}

TEST(CudaResize, FollowsTheCpuForEveryMatrixRangeAndChromaSite) {
  for (const PixelLayout layout :
       {PixelLayout::NV12, PixelLayout::I420, PixelLayout::P010, PixelLayout::YUY2})
    for (int matrix = 0; matrix < 5; ++matrix)
      for (int bits = 0; bits < 8; ++bits) {
        NoiseFrame frame(layout, 75, 71, 100);
        frame.view.matrix = static_cast<ColorMatrix>(matrix);
        frame.view.range = (bits & 1) != 0 ? ColorRange::Full : ColorRange::Limited;
        frame.view.chroma_site = {.left = (bits & 2) != 0, .top = (bits & 4) != 0};
        // Both round each pixel separately, so they are equal.
        EXPECT_LE(largest_difference(frame.view, levels(75, 72)), 0.001F);
        EXPECT_LE(largest_difference(frame.view, levels(32, 31)), 1.001F);
      }
}

TEST(CudaResize, ReadsUnpackedRowsAsTheCpuDoes) {
  for (const auto type :
       {UnpackedPixel::ARGB8, UnpackedPixel::AYUV8, UnpackedPixel::ARGB16, UnpackedPixel::AYUV16})
    for (const int height : {13, 90}) {
      const bool wide = type == UnpackedPixel::ARGB16 || type == UnpackedPixel::AYUV16;
      const std::size_t row_bytes = 41 * (wide ? 8 : 4);
      std::mt19937 random(7);
      std::vector<std::uint8_t> pixels(row_bytes * static_cast<std::size_t>(height));
      for (auto &byte : pixels) byte = static_cast<std::uint8_t>(random() >> 24);
      FrameView frame{.layout = PixelLayout::Rows, .width = 41, .height = height, .unpacked = type};
      frame.planes[0] = {pixels.data(), static_cast<std::ptrdiff_t>(row_bytes)};
      frame.unpack_row = [&](int y, std::span<std::byte> row) {
        std::memcpy(row.data(), pixels.data() + static_cast<std::size_t>(y) * row_bytes, row_bytes);
      };
      const bool rgb = type == UnpackedPixel::ARGB8 || type == UnpackedPixel::ARGB16;
      EXPECT_LE(largest_difference(frame, levels(24, 32)), rgb ? 0.001F : 1.001F);
    }
}

float number(float value) {
  return value;
}
template <typename Half>
float number(Half value) {
  return cuda::load(value);
}

template <typename Element>
void expect_both_orders(ElementType type, float relative) {
  const InputConfig input{.height = 24, .width = 20, .mean = {0.1F, 0.2F, 0.3F}, .std = {0.5F, 0.25F, 1}};
  const NoiseFrame frame(PixelLayout::NV12, 99, 77, 10);
  const auto exact = run_kernels<float>(frame.view, input, ElementType::Fp32, false);
  const auto planar = run_kernels<Element>(frame.view, input, type, false);
  const auto last = run_kernels<Element>(frame.view, input, type, true);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 480; ++i) {
      const float value = number(planar[c * 480 + i]);
      ASSERT_NEAR(value, exact[c * 480 + i], std::abs(exact[c * 480 + i]) * relative + 1e-7);
      ASSERT_EQ(value, number(last[3 * i + c]));
    }
}

TEST(CudaResize, WritesEveryElementTypeInBothOrders) {
  expect_both_orders<float>(ElementType::Fp32, 0);
  expect_both_orders<Bf16>(ElementType::Bf16, 1 / 256.F);
  expect_both_orders<Fp16>(ElementType::Fp16, 1 / 2048.F);
}

template <typename Half>
void expect_nearest_even(std::uint16_t infinity) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float value = cuda::load(half);
    Half again{};
    cuda::store(value, again);
    if ((bits & 0x7fff) > infinity) {
      EXPECT_TRUE(std::isnan(value) && std::isnan(cuda::load(again)));
      continue;
    }
    ASSERT_EQ(again.bits, half.bits);
    if ((bits & 0x7fff) + 1U >= infinity) continue;
    const Half next{static_cast<std::uint16_t>(bits + 1)};
    const float middle = value + (cuda::load(next) - value) / 2;
    cuda::store(middle, again);
    EXPECT_EQ(again.bits & 1, 0) << bits;
    cuda::store(std::nextafter(middle, value), again);
    EXPECT_EQ(again.bits, half.bits) << bits;
    cuda::store(std::nextafter(middle, cuda::load(next)), again);
    EXPECT_EQ(again.bits, next.bits) << bits;
  }
}

TEST(CudaElement, RoundsToTheNearestAndHalvesToEven) {
  expect_nearest_even<Bf16>(0x7f80);
  expect_nearest_even<Fp16>(0x7c00);
}

TEST(CudaElement, KnowsTheValuesOfTheStandard) {
  EXPECT_EQ(cuda::load(Fp16{0x3c00}), 1.0F);
  EXPECT_EQ(cuda::load(Fp16{0xc000}), -2.0F);
  EXPECT_EQ(cuda::load(Fp16{0x7bff}), 65504.0F);
  EXPECT_EQ(cuda::load(Fp16{0x0001}), std::ldexp(1.0F, -24));
  EXPECT_EQ(cuda::load(Bf16{0x3f80}), 1.0F);
  Fp16 half{};
  cuda::store(65520.0F, half);
  EXPECT_EQ(half.bits, 0x7c00);
  cuda::store(-1e30F, half);
  EXPECT_EQ(half.bits, 0xfc00);
  cuda::store(std::numeric_limits<float>::quiet_NaN(), half);
  EXPECT_TRUE(std::isnan(cuda::load(half)));
}

TEST(CudaFrame, TheCpuRefusesPixelsOfAGpu) {
  NoiseFrame frame(PixelLayout::NV12, 16, 16, 1);
  frame.view.cuda_device = 2;
  Preprocessor preprocessor({.height = 8, .width = 8});
  std::vector<float> out(192);
  try {
    preprocessor.run(frame.view, out);
    FAIL();
  } catch (const std::exception &error) {
    EXPECT_NE(std::string(error.what()).find("memory of CUDA device 2"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace uniad::test
