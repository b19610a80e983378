// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uniad {

// Pillow's shapes of a filter, whose half width in pixels of the smaller side is 1 and 3.
enum class FilterShape { Triangle, Lanczos };

// One of Pillow's antialiased filters along one axis (libImaging, Resample.c, 8 bits a channel): a shape
// stretched by the scale where that is above 1, cut off at the borders and normalised to a sum of one.
// Weights have Pillow's 22 fractional bits, so that sums of them round as Pillow's do.
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

// The filter along rows of levels kept in 16-bit words, which processors multiply and add in pairs. A window
// is cut into runs of neighbouring words, the last one filled up with zero weights.
struct RowFilter {
  static constexpr std::size_t run = 16;

  int in_size = 0;
  bool split = false;  // rows have their even columns first, then the odd ones
  bool exact =
      false;  // a weight is high * 2^14 + low; else it is high alone, at most 0.01 levels off in the sum
  int weight_bits = 0;             // fractional bits of the weights
  std::size_t runs = 0;            // of each output
  std::vector<int> first;          // out_size x runs: the first word
  std::vector<std::int16_t> high;  // out_size x runs x run
  std::vector<std::int16_t> low;
};

RowFilter make_row_filter(const Filter &filter, bool split, bool exact);

// in: 3 planes that each have `run` readable words after the last column; out: 3 planes of out_size levels.
void filter_row(const RowFilter &filter, const std::int16_t *in, std::size_t in_plane, std::int16_t *out);

// Sum of rows by a filter's weights, rounded to 0..255.
void sum_rows(std::span<const std::int16_t *const> rows, const std::int32_t *weights,
              std::span<std::int16_t> out);

// Adds a row to two sums at once, in 16-bit arithmetic: values 0..255 * 32, weights with 15 fractional bits.
void add_row(const std::int16_t *row, std::int16_t weight_a, std::int16_t *a, std::int16_t weight_b,
             std::int16_t *b, std::size_t n);

}  // namespace uniad
