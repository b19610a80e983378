// SPDX-License-Identifier: Apache-2.0
// Generates scenes as cameras see them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "model/health/picture.h"

namespace uniad::test {

inline constexpr int side = 224;
inline constexpr int canvas_side = 400;

// The index of a pixel in a picture of this width.
inline std::size_t index_of(int x, int y, int width = side) {
  return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
}

// A street of rectangles on a canvas that is larger than a picture. What a camera sees is a crop of it.
inline std::vector<std::uint8_t> make_canvas(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&random](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  std::vector<std::uint8_t> canvas(std::size_t{canvas_side} * canvas_side, std::uint8_t{120});
  for (int i = 0; i < 160; ++i) {
    const int left = pick(0, canvas_side - 20);
    const int top = pick(0, canvas_side - 20);
    const int right = std::min(canvas_side, left + pick(8, 60));
    const int bottom = std::min(canvas_side, top + pick(8, 60));
    const auto level = static_cast<std::uint8_t>(pick(50, 210));
    for (int y = top; y < bottom; ++y)
      std::fill_n(canvas.data() + index_of(left, y, canvas_side), right - left, level);
  }
  return canvas;
}

// The part of the canvas whose center is at (x, y) relative to the center of the canvas.
inline GrayPicture crop(const std::vector<std::uint8_t> &canvas, int x = 0, int y = 0) {
  GrayPicture picture{side, side, {}};
  const int left = (canvas_side - side) / 2 + x;
  const int top = (canvas_side - side) / 2 + y;
  for (int row = 0; row < side; ++row) {
    const std::uint8_t *from = canvas.data() + index_of(left, top + row, canvas_side);
    picture.values.insert(picture.values.end(), from, from + side);
  }
  return picture;
}

inline std::uint8_t level(double value) {
  return static_cast<std::uint8_t>(std::lrint(std::clamp(value, 0.0, 255.0)));
}

// Simulates a change of exposure.
inline GrayPicture brighter(GrayPicture picture, double gain, double offset = 0) {
  for (std::uint8_t &value : picture.values) value = level(gain * value + offset);
  return picture;
}

// Adds Gaussian noise from a single table, with a different start for each seed.
inline GrayPicture noisy(GrayPicture picture, double deviation, unsigned seed) {
  static const std::vector<double> noise = [] {
    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    std::vector<double> values(std::size_t{1} << 20);
    std::generate(values.begin(), values.end(), [&] { return normal(random); });
    return values;
  }();
  std::size_t at = std::mt19937(seed)();
  for (std::uint8_t &value : picture.values) value = level(value + deviation * noise[at++ % noise.size()]);
  return picture;
}

inline GrayPicture uniform(std::uint8_t value) {
  return {side, side, std::vector<std::uint8_t>(std::size_t{side} * side, value)};
}

// Adds a person seen from afar: a dark rectangle.
inline GrayPicture with_person(GrayPicture picture, int left) {
  for (int y = 90; y < 180; ++y)
    for (int x = std::max(left, 0); x < std::min(left + 30, side); ++x)
      picture.values[index_of(x, y)] = static_cast<std::uint8_t>(40 + y % 3);
  return picture;
}

// Simulates defocus with a Gaussian of this standard deviation, in pixels.
inline GrayPicture blurred(const GrayPicture &picture, double deviation) {
  const int reach = static_cast<int>(std::ceil(3 * deviation));
  std::vector<double> weights;
  double sum = 0;
  for (int i = -reach; i <= reach; ++i) {
    weights.push_back(std::exp(-i * i / (2 * deviation * deviation)));
    sum += weights.back();
  }
  const auto pass = [&](const std::vector<double> &from, int dx, int dy) {
    std::vector<double> to(from.size());
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        double value = 0;
        for (int i = -reach; i <= reach; ++i) {
          const int column = std::clamp(x + i * dx, 0, side - 1);
          const int row = std::clamp(y + i * dy, 0, side - 1);
          value += weights.at(static_cast<std::size_t>(i) + static_cast<std::size_t>(reach)) *
                   from[index_of(column, row)];
        }
        to[index_of(x, y)] = value / sum;
      }
    }
    return to;
  };
  const std::vector<double> values(picture.values.begin(), picture.values.end());
  GrayPicture result = picture;
  const std::vector<double> smooth = pass(pass(values, 1, 0), 0, 1);
  std::transform(smooth.begin(), smooth.end(), result.values.begin(), level);
  return result;
}

}  // namespace uniad::test
