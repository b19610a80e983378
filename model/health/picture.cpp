// SPDX-License-Identifier: Apache-2.0
#include "model/health/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace uniad {
namespace {

constexpr std::array<float, 3> luma_weights{0.299F, 0.587F, 0.114F};

LumaPlane plane_of(int width, int height) {
  return {width, height,
          std::vector<float>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height))};
}

// Rounds to the nearest level; NaN becomes 0.
std::uint8_t level_of(float value) {
  const float positive = value > 0 ? value : 0;
  return static_cast<std::uint8_t>(std::lrint(std::min(positive, 255.0F)));
}

void resize(GrayPicture &picture, int width, int height) {
  picture.width = width;
  picture.height = height;
  picture.values.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
}

// The first and the last + 1 of the pixels that pixel `number` of `count` covers.
std::array<int, 2> covered(int number, int count, int of) {
  const int first = std::min(number * of / count, of - 1);
  return {first, std::max(first + 1, (number + 1) * of / count)};
}

}  // namespace

void luma_of_rgb(std::span<const std::uint8_t> rgb, int width, int height, GrayPicture &luma) {
  resize(luma, width, height);
  for (std::size_t pixel = 0; pixel < luma.values.size(); ++pixel) {
    float sum = 0;
    for (std::size_t channel = 0; channel < 3; ++channel)
      sum += luma_weights[channel] * static_cast<float>(rgb[3 * pixel + channel]);
    luma.values[pixel] = level_of(sum);
  }
}

void luma_of_input(std::span<const float> chw, int width, int height, std::span<const float, 3> mean,
                   std::span<const float, 3> std, GrayPicture &luma) {
  resize(luma, width, height);
  std::array<float, 3> weight{};
  float offset = 0;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    weight[channel] = 255 * luma_weights[channel] * std[channel];
    offset += 255 * luma_weights[channel] * mean[channel];
  }
  const std::size_t pixels = luma.values.size();
  const float *red = chw.data();
  const float *green = red + pixels;
  const float *blue = green + pixels;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel)
    luma.values[pixel] =
        level_of(weight[0] * red[pixel] + weight[1] * green[pixel] + weight[2] * blue[pixel] + offset);
}

LumaPlane reduce(const GrayPicture &picture, int width, int height) {
  LumaPlane plane = plane_of(width, height);
  float *out = plane.values.data();
  for (int y = 0; y < height; ++y) {
    const auto [top, bottom] = covered(y, height, picture.height);
    for (int x = 0; x < width; ++x) {
      const auto [left, right] = covered(x, width, picture.width);
      int sum = 0;
      for (int row = top; row < bottom; ++row)
        for (int column = left; column < right; ++column)
          sum += picture.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.width) +
                                static_cast<std::size_t>(column)];
      *out++ = static_cast<float>(sum) / static_cast<float>((bottom - top) * (right - left));
    }
  }
  return plane;
}

LumaPlane halve(const LumaPlane &plane) {
  LumaPlane half = plane_of(plane.width / 2, plane.height / 2);
  float *out = half.values.data();
  for (int y = 0; y < half.height; ++y)
    for (int x = 0; x < half.width; ++x)
      *out++ = (plane.at(2 * x, 2 * y) + plane.at(2 * x + 1, 2 * y) + plane.at(2 * x, 2 * y + 1) +
                plane.at(2 * x + 1, 2 * y + 1)) /
               4;
  return half;
}

LumaPlane smooth(const LumaPlane &plane) {
  // Rows first, then columns.
  LumaPlane rows = plane_of(plane.width, plane.height);
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      const int left = std::max(x - 1, 0);
      const int right = std::min(x + 1, plane.width - 1);
      float sum = 0;
      for (int column = left; column <= right; ++column) sum += plane.at(column, y);
      rows.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(plane.width) +
                  static_cast<std::size_t>(x)] = sum / static_cast<float>(right - left + 1);
    }
  }
  LumaPlane result = plane_of(plane.width, plane.height);
  float *out = result.values.data();
  for (int y = 0; y < plane.height; ++y) {
    const int top = std::max(y - 1, 0);
    const int bottom = std::min(y + 1, plane.height - 1);
    for (int x = 0; x < plane.width; ++x) {
      float sum = 0;
      for (int row = top; row <= bottom; ++row) sum += rows.at(x, row);
      *out++ = sum / static_cast<float>(bottom - top + 1);
    }
  }
  return result;
}

LumaPlane edges(const LumaPlane &plane) {
  LumaPlane result = plane_of(plane.width, plane.height);
  for (int y = 1; y + 1 < plane.height; ++y) {
    for (int x = 1; x + 1 < plane.width; ++x) {
      const float across = plane.at(x + 1, y) - plane.at(x - 1, y);
      const float down = plane.at(x, y + 1) - plane.at(x, y - 1);
      result.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(plane.width) +
                    static_cast<std::size_t>(x)] = std::sqrt(across * across + down * down);
    }
  }
  return result;
}

double correlation(const LumaPlane &a, const LumaPlane &b) {
  double sum_a = 0;
  double sum_b = 0;
  double squares_a = 0;
  double squares_b = 0;
  double products = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double va = a.values[i];
    const double vb = b.values[i];
    sum_a += va;
    sum_b += vb;
    squares_a += va * va;
    squares_b += vb * vb;
    products += va * vb;
  }
  const auto n = static_cast<double>(a.values.size());
  const double variance_a = squares_a - sum_a * sum_a / n;
  const double variance_b = squares_b - sum_b * sum_b / n;
  if (variance_a <= 1e-6 * n || variance_b <= 1e-6 * n) return 0;
  return (products - sum_a * sum_b / n) / std::sqrt(variance_a * variance_b);
}

}  // namespace uniad
