// SPDX-License-Identifier: Apache-2.0
// The bodies of the resize's kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/base/host_device.h"
#include "model/cuda/dtype.h"
#include "model/preprocess/filter.h"
#include "model/preprocess/pixel.h"

namespace uniad::cuda {

// A Filter (model/preprocess/filter.h) in memory that kernels can read. Sums are exact: weights keep all
// their digits, and 64 bits are sufficient.
struct FilterView {
  const Filter::Window *windows = nullptr;
  const std::int32_t *weights = nullptr;
  int taps = 0;
};

// First pass: every row of the frame along its columns. Position: (output column, frame row).
template <typename Reader>
struct FilterRows {
  Reader frame;
  FilterView filter;
  bool levels_first;  // a Y'CbCr pixel is rounded to levels before it is filtered
  std::int16_t *out;  // (rows, 3, width)
  int width;

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const auto row = frame.row(y);
    const Filter::Window window = filter.windows[x];
    const std::int32_t *weights = filter.weights + static_cast<std::ptrdiff_t>(filter.taps) * x;
    constexpr std::int64_t half = std::int64_t{1} << (Filter::weight_bits - 1);
    std::int64_t sums[3] = {half, half, half};
    for (int i = 0; i < window.count; ++i) {
      RgbWords pixel = row.at(window.first + i);
      if (Reader::fraction > 0 && levels_first)
        pixel = {round_to_level(pixel.r), round_to_level(pixel.g), round_to_level(pixel.b)};
      sums[0] += std::int64_t{pixel.r} * weights[i];
      sums[1] += std::int64_t{pixel.g} * weights[i];
      sums[2] += std::int64_t{pixel.b} * weights[i];
    }
    const int most = Reader::fraction > 0 && !levels_first ? int{white} : 255;
    for (int c = 0; c < 3; ++c) {
      const auto value = static_cast<int>(sums[c] >> Filter::weight_bits);
      out[(std::ptrdiff_t{3} * y + c) * width + x] = static_cast<std::int16_t>(value < most ? value : most);
    }
  }
};

// Second pass: along the rows, and normalized. Position: (output column, output row).
template <typename Element>
struct FilterColumns {
  const std::int16_t *in;  // of the first pass
  int fraction;            // of its values
  FilterView filter;
  int width;
  float scale[3], offset[3];  // level * scale + offset
  Element *out;
  std::ptrdiff_t column_step, row_step, channel_step;  // elements

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const Filter::Window window = filter.windows[y];
    const std::int32_t *weights = filter.weights + static_cast<std::ptrdiff_t>(filter.taps) * y;
    const int bits = Filter::weight_bits + fraction;
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    std::int64_t sums[3] = {half, half, half};
    for (int i = 0; i < window.count; ++i) {
      const std::int16_t *row = in + std::ptrdiff_t{3} * (window.first + i) * width + x;
      for (int c = 0; c < 3; ++c) sums[c] += std::int64_t{row[std::ptrdiff_t{c} * width]} * weights[i];
    }
    for (int c = 0; c < 3; ++c) {
      const auto rounded = static_cast<int>(sums[c] >> bits);
      const int level = rounded < 255 ? rounded : 255;
      store(static_cast<float>(level) * scale[c] + offset[c],
            out[column_step * x + row_step * y + channel_step * c]);
    }
  }
};

}  // namespace uniad::cuda
