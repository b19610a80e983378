// SPDX-License-Identifier: Apache-2.0
// Resizes and converts pictures by definition.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "model/preprocess/preprocess.h"

// The definitions, written for readability: whole pictures, one pixel at a time.
namespace uniad::test {

inline std::size_t area(int width, int height, int each = 1) {
  return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(each);
}

// Rounds halves up.
inline int nearest(double value) {
  return static_cast<int>(std::floor(value + 0.5));
}

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  std::uint8_t &at(int x, int y, int c) {
    return rgb[3 * (area(width, y) + static_cast<std::size_t>(x)) + static_cast<std::size_t>(c)];
  }
  const std::uint8_t &at(int x, int y, int c) const { return const_cast<Picture *>(this)->at(x, y, c); }
};

inline Picture make_picture(int width, int height) {
  return {width, height, std::vector<std::uint8_t>(area(width, height, 3))};
}

// Pillow's bilinear resize along one axis, with results rounded to 8 bits.
inline Picture resize_axis(const Picture &in, bool horizontal, int size) {
  const int in_size = horizontal ? in.width : in.height;
  Picture out = horizontal ? make_picture(size, in.height) : make_picture(in.width, size);
  const double scale = static_cast<double>(in_size) / size;
  const double radius = std::max(scale, 1.0);
  for (int o = 0; o < size; ++o) {
    const double center = (o + 0.5) * scale;
    const int begin = std::max(0, nearest(center - radius));
    const int end = std::min(in_size, nearest(center + radius));
    std::vector<double> weights;
    double total = 0;
    for (int i = begin; i < end; ++i) {
      weights.push_back(std::max(0.0, 1 - std::abs((i + 0.5 - center) / radius)));
      total += weights.back();
    }
    for (int other = 0; other < (horizontal ? in.height : in.width); ++other)
      for (int c = 0; c < 3; ++c) {
        std::int64_t sum = 1 << 21;
        for (int i = begin; i < end; ++i) {
          const std::int64_t weight =
              nearest(weights[static_cast<std::size_t>(i - begin)] / total * (1 << 22));
          sum += weight * (horizontal ? in.at(i, other, c) : in.at(other, i, c));
        }
        (horizontal ? out.at(o, other, c) : out.at(other, o, c)) =
            static_cast<std::uint8_t>(std::min<std::int64_t>(sum >> 22, 255));
      }
  }
  return out;
}

inline Picture resize_like_pillow(const Picture &in, int width, int height) {
  return resize_axis(resize_axis(in, true, width), false, height);
}

// A Y'CbCr picture: all samples as 8-bit levels with fractions, chroma at its stored size.
struct YcbcrPicture {
  int width, height, chroma_width, chroma_height;
  std::vector<double> y, cb, cr;
};

inline double chroma_at(const std::vector<double> &plane, const YcbcrPicture &p, const ChromaSite &site,
                        int x, int y) {
  const auto axis = [](int position, int size, int full, bool on_sample) {
    if (size == full) return std::array<double, 3>{double(position), double(position), 0};
    const double at = std::clamp(on_sample ? position / 2.0 : (position - 0.5) / 2, 0.0, size - 1.0);
    return std::array<double, 3>{std::floor(at), std::min(std::floor(at) + 1, size - 1.0),
                                 at - std::floor(at)};
  };
  const auto [x0, x1, fx] = axis(x, p.chroma_width, p.width, site.left);
  const auto [y0, y1, fy] = axis(y, p.chroma_height, p.height, site.top);
  const auto value = [&](double cx, double cy) {
    return plane[static_cast<std::size_t>(cy * p.chroma_width + cx)];
  };
  return (value(x0, y0) * (1 - fx) + value(x1, y0) * fx) * (1 - fy) +
         (value(x0, y1) * (1 - fx) + value(x1, y1) * fx) * fy;
}

// Converts every pixel to 8-bit RGB, clamped.
inline Picture convert(const YcbcrPicture &p, const FrameView &view) {
  std::array<double, 2> k{0.299, 0.114};
  if (view.matrix == ColorMatrix::BT709) k = {0.2126, 0.0722};
  if (view.matrix == ColorMatrix::BT2020) k = {0.2627, 0.0593};
  if (view.matrix == ColorMatrix::SMPTE240M) k = {0.212, 0.087};
  if (view.matrix == ColorMatrix::FCC) k = {0.30, 0.11};
  const bool limited = view.range == ColorRange::Limited;
  Picture out = make_picture(p.width, p.height);
  for (int y = 0; y < p.height; ++y)
    for (int x = 0; x < p.width; ++x) {
      const double luma = p.y[area(p.width, y) + static_cast<std::size_t>(x)];
      const double l = limited ? (luma - 16) / 219 : luma / 255;
      const double cb = (chroma_at(p.cb, p, view.chroma_site, x, y) - 128) / (limited ? 224 : 255);
      const double cr = (chroma_at(p.cr, p, view.chroma_site, x, y) - 128) / (limited ? 224 : 255);
      const double r = l + 2 * (1 - k[0]) * cr;
      const double b = l + 2 * (1 - k[1]) * cb;
      const double g = (l - k[0] * r - k[1] * b) / (1 - k[0] - k[1]);
      for (int c = 0; c < 3; ++c)
        out.at(x, y, c) = static_cast<std::uint8_t>(std::lround(
            255 * std::clamp(std::array<double, 3>{r, g, b}[static_cast<std::size_t>(c)], 0.0, 1.0)));
    }
  return out;
}

struct Difference {
  int largest = 0;
  double mean = 0;
  double bias = 0;
};

inline Difference compare(const std::vector<std::uint8_t> &a, const std::vector<std::uint8_t> &b) {
  Difference result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int d = int{a[i]} - int{b[i]};
    result.largest = std::max(result.largest, std::abs(d));
    result.mean += static_cast<double>(std::abs(d)) / static_cast<double>(a.size());
    result.bias += static_cast<double>(d) / static_cast<double>(a.size());
  }
  return result;
}

inline std::vector<std::uint8_t> resize(const FrameView &frame, int width, int height) {
  Preprocessor preprocessor({.height = height, .width = width});
  std::vector<std::uint8_t> rgb(area(width, height, 3));
  preprocessor.resize(frame, rgb);
  return rgb;
}

}  // namespace uniad::test
