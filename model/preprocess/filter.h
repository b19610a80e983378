// SPDX-License-Identifier: Apache-2.0
// The weights of the antialiased filter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uniad {

// Pillow's filter shapes, with a half width of 1 and 3 pixels of the smaller size.
enum class FilterShape { Triangle, Lanczos };

// One of Pillow's antialiased filters along one axis (libImaging, Resample.c, 8 bits per channel): a shape
// that is stretched by the scale if that is above 1, truncated at the borders and normalized to a sum of one.
// Weights have Pillow's 22 fractional bits, so that sums are rounded as in Pillow.
struct Filter {
  static constexpr int weight_bits = 22;

  struct Window {
    int first;  // the first input pixel
    int count;
  };

  int in_size = 0;
  int out_size = 0;
  int taps = 0;                       // the longest window
  std::vector<Window> windows;        // out_size
  std::vector<std::int32_t> weights;  // out_size x taps, 0 beyond the window
};

Filter make_filter(int in_size, int out_size, FilterShape shape = FilterShape::Triangle);

// The filter for rows of levels in 16-bit words, which processors multiply and add in pairs. A window is
// split into runs of neighboring words; the last run is padded with zero weights.
struct RowFilter {
  static constexpr std::size_t run = 16;

  int in_size = 0;
  bool split = false;    // rows have their even columns first, then the odd ones
  bool exact = false;    // a weight is high * 2^14 + low; otherwise only high, with an error of at most 0.01
                         // levels in the sum
  int weight_bits = 0;   // fractional bits of the weights
  std::size_t runs = 0;  // per output
  std::vector<int> first;          // out_size x runs: the first word
  std::vector<std::int16_t> high;  // out_size x runs x run
  std::vector<std::int16_t> low;
};

RowFilter make_row_filter(const Filter &filter, bool split, bool exact);

// in: 3 planes, each with `run` readable words after the last column; out: 3 planes of out_size levels.
void filter_row(const RowFilter &filter, const std::int16_t *in, std::size_t in_plane, std::int16_t *out);

// Sum of rows by a filter's weights, rounded to 0..255.
void sum_rows(std::span<const std::int16_t *const> rows, const std::int32_t *weights,
              std::span<std::int16_t> out);

// Adds a row to two sums at once, in 16-bit arithmetic: values 0..255 * 32, weights with 15 fractional bits.
void add_row(const std::int16_t *row, std::int16_t weight_a, std::int16_t *a, std::int16_t weight_b,
             std::int16_t *b, std::size_t n);

}  // namespace uniad
