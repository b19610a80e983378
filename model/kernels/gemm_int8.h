// SPDX-License-Identifier: Apache-2.0
// Matrix multiplication of bytes, for instruction sets with UNIAD_INT8. Compiled once for each instruction
// set (kernels.cpp).
#pragma once

#include "model/kernels/gemm.h"

namespace uniad::cpu {
namespace {

// Quantized values are bytes from 1 to 255 around this zero point.
constexpr float byte_zero = 128;
constexpr float most_steps = 127;

constexpr int most_rows_at_once = 448;

void pack_bytes(const float *weights, int columns, int values, int padded_depth, int panels, void *packed,
                float *scales, float *offsets) {
  auto *out = static_cast<std::int8_t *>(packed);
  for (int column = 0; column < panels * panel_width; ++column) {
    const float *of_column = weights + std::ptrdiff_t{column} * values;
    float most = 0;
    for (int k = 0; column < columns && k < values; ++k) {
      const float size = of_column[k] < 0 ? -of_column[k] : of_column[k];
      most = size > most ? size : most;
    }
    scales[column] = most / most_steps;
    float sum_of_bytes = 0;
    for (int k = 0; k < padded_depth; ++k) {
      const bool inside = most > 0 && column < columns && k < values;
      const float steps = inside ? of_column[k] / scales[column] : 0;
      const auto byte = static_cast<std::int8_t>(steps < 0 ? steps - 0.5F : steps + 0.5F);
      out[(std::ptrdiff_t{column / panel_width} * padded_depth + k - k % 4) * panel_width +
          std::ptrdiff_t{4} * (column % panel_width) + k % 4] = byte;
      sum_of_bytes += static_cast<float>(byte);
    }
    offsets[column] = byte_zero * sum_of_bytes;
  }
}

// Quantizes a row of `values`, times their factors, to bytes. Returns the scale, which is not a number if a
// value of the row is not a number.
template <typename Element>
float quantize_row(const typename Element::Type *row, const float *factors, int values, std::uint8_t *bytes) {
  const auto at = [&](int i) {
    const Floats x = Element::load(row + i);
    return factors == nullptr ? x : x * load(factors + i);
  };
  const int whole = values / lanes * lanes;
  Floats last{};
  if (whole < values) last = at(whole);
  for (int l = values - whole; l < lanes; ++l) last[l] = 0;

  Floats most = larger(last, -last);
  Floats nothing = last * 0.0F;
  for (int i = 0; i < whole; i += lanes) {
    const Floats x = at(i);
    most = larger(most, larger(x, -x));
    nothing += x * 0.0F;
  }
  const float peak = maximum(most);
  const float steps = peak > 0 ? most_steps / peak : 0;
  const auto put = [&](int i, Floats x) {
    constexpr float round = 0.5F;
    using Narrow = std::uint8_t __attribute__((vector_size(lanes)));
    store_as(bytes + i,
             __builtin_convertvector(__builtin_convertvector(x * steps + (byte_zero + round), Ints), Narrow));
  };
  for (int i = 0; i < whole; i += lanes) put(i, at(i));
  if (whole < values) put(whole, last);
  return peak / most_steps + sum(nothing);
}

template <typename Element>
void quantize(const GemmArgs &m, std::uint8_t *bytes, float *row_scales) {
  for (int r = 0; r < m.rows; ++r)
    row_scales[r] = quantize_row<Element>(static_cast<const typename Element::Type *>(m.a) + r * m.a_stride,
                                          m.factors, m.values, bytes + std::ptrdiff_t{r} * m.depth);
}

// Converts the sums of bytes to sums of the original numbers.
void dequantize(const GemmArgs &m, const float *row_scales, int rows, int first_panel, int panels,
                Tile &tile) {
  for (int p = 0; p < panels; ++p) {
    for (int v = 0; v < panel_vectors; ++v) {
      const std::ptrdiff_t column = panels_of(first_panel + p) + lane(v);
      const Floats scale = load(m.scales + column);
      const Floats offset = load(m.offsets + column);
      for (int r = 0; r < rows; ++r) {
        float *sums = tile.sums[p][r] + lane(v);
        const Floats whole = __builtin_convertvector(load_as<Ints>(sums), Floats);
        store(sums, (whole - offset) * scale * row_scales[r]);
      }
    }
  }
}

// Panels are the outermost loop, as in multiply_tiles.
template <typename Element>
void multiply_quantized(const GemmArgs &m, const std::uint8_t *bytes, const float *row_scales, int first,
                        int count) {
  Tile tile;
  const Sums sums{tile.sums[0][0], panel_width, panels_of(most_tile_rows)};
  for (int p = 0; p < m.panels; p += tile_panels) {
    const int panels = m.panels - p > 1 ? 2 : 1;
    for (int r = 0; r < count; r += tile_rows) {
      const int rows = count - r < tile_rows ? count - r : tile_rows;
      sum_panels<Bytes>(bytes + std::ptrdiff_t{r} * m.depth, m.depth, static_cast<const std::uint8_t *>(m.b),
                        m.depth, rows, p, m.panels, sums);
      dequantize(m, row_scales + r, rows, p, panels, tile);
      finish<Element>(m, tile, first + r, rows, p, panels);
    }
  }
}

template <typename Element>
void multiply_bytes(const GemmArgs &m) {
  if (m.row_scales != nullptr)
    return multiply_quantized<Element>(m, static_cast<const std::uint8_t *>(m.a), m.row_scales, 0, m.rows);
  alignas(64) std::uint8_t bytes[tile_rows * longest_byte_row];
  float row_scales[most_rows_at_once];
  // As many whole tiles of rows as fit.
  const int fit = static_cast<int>(sizeof bytes) / m.depth;
  const int at_once = (fit < most_rows_at_once ? fit : most_rows_at_once) / tile_rows * tile_rows;
  for (int r = 0; r < m.rows; r += at_once) {
    GemmArgs part = m;
    part.rows = m.rows - r < at_once ? m.rows - r : at_once;
    part.a = static_cast<const typename Element::Type *>(m.a) + r * m.a_stride;
    quantize<Element>(part, bytes, row_scales);
    multiply_quantized<Element>(m, bytes, row_scales, r, part.rows);
  }
}

}  // namespace
}  // namespace uniad::cpu
