// SPDX-License-Identifier: Apache-2.0
// Matrix multiplication: packed weights, and tiles of sums. Compiled once for each instruction set
// (kernels.cpp).
#pragma once

#include "model/kernels/panels.h"

namespace uniad::cpu {
namespace {

// A tile of sums in the first-level cache, which every multiplication computes and `finish` turns into
// results.
constexpr int tile_panels = 2;
constexpr int most_tile_rows = 32;
struct alignas(64) Tile {
  float sums[tile_panels][most_tile_rows][panel_width];
};

// The location of a tile's sums.
struct Sums {
  float *first;
  std::ptrdiff_t row, panel;  // floats to the next one
};

template <typename Element, Activation activation>
void finish_as(const GemmArgs &m, const Tile &tile, int first_row, int rows, int first_panel, int panels) {
  using Type = typename Element::Type;
  for (int p = 0; p < panels; ++p) {
    const std::ptrdiff_t column = std::ptrdiff_t{first_panel + p} * panel_width;
    // Pointers to the first row; null if there is none. (Copied from `m`, because stores could alias it.)
    const auto *skip = static_cast<const Type *>(m.skip);
    const float *residual = m.residual;
    auto *c = static_cast<Type *>(m.c);
    float *wide = m.f32;
    if (skip != nullptr) skip += first_row * m.skip_stride + column;
    if (residual != nullptr) residual += first_row * m.residual_stride + column;
    if (c != nullptr) c += first_row * m.c_stride + column;
    if (wide != nullptr) wide += (first_panel + p) * m.f32_panel;
    Floats bias[panel_vectors] = {};
    for (int v = 0; m.bias != nullptr && v < panel_vectors; ++v) bias[v] = load(m.bias + column + lane(v));
    const std::ptrdiff_t skip_stride = m.skip_stride, residual_stride = m.residual_stride,
                         c_stride = m.c_stride, f32_stride = m.f32_stride;
    int to_gap = m.f32_gap > 0 ? m.f32_width - first_row % m.f32_width : rows;
    if (wide != nullptr)
      wide += (first_row + (m.f32_gap > 0 ? first_row / m.f32_width * m.f32_gap : 0)) * f32_stride;
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < panel_vectors; ++v) {
        Floats x = load(tile.sums[p][r] + lane(v)) + bias[v];
        if (skip != nullptr) x += Element::load(skip + r * skip_stride + lane(v));
        if (residual != nullptr) x += load(residual + r * residual_stride + lane(v));
        x = activate<Element, activation>(x);
        if (c != nullptr) Element::store(c + r * c_stride + lane(v), x);
        if (wide != nullptr) store(wide + lane(v), x);
      }
      if (wide == nullptr) continue;
      wide += f32_stride;
      if (--to_gap == 0) {
        to_gap = m.f32_width;
        wide += m.f32_gap * f32_stride;
      }
    }
  }
}

template <typename Element>
void finish(const GemmArgs &m, const Tile &tile, int first_row, int rows, int first_panel, int panels) {
  with_activation(m.activation, [&]<Activation activation>() {
    finish_as<Element, activation>(m, tile, first_row, rows, first_panel, panels);
  });
}

#if defined(UNIAD_AMX)

constexpr int tile_rows = 32;
constexpr int tile_depth = 32;

// The processor's tile configuration: two by two tiles of 16 x 16 sums, each row 64 bytes. (Constant, because
// _tile_loadconfig does not tell GCC that it reads more than the first bytes.)
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig tile_config;

// Configures the tile registers for a multiplication within a scope.
struct TileRegisters {
  TileRegisters() { _tile_loadconfig(&tile_config); }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters &) = delete;
  TileRegisters &operator=(const TileRegisters &) = delete;
};

// (The tiles' numbers are part of the instructions, which is why this is written out.)
template <int row_tiles, int panels>
void sum_tile(const std::uint16_t *a, std::ptrdiff_t a_stride, const std::uint16_t *b,
              std::ptrdiff_t panel_stride, int depth, const Sums &to) {
  const std::ptrdiff_t a_bytes = a_stride * std::ptrdiff_t{sizeof(std::uint16_t)};
  _tile_zero(0);
  if constexpr (panels > 1) _tile_zero(1);
  if constexpr (row_tiles > 1) _tile_zero(2);
  if constexpr (row_tiles > 1 && panels > 1) _tile_zero(3);
  for (int k = 0; k < depth; k += tile_depth) {
    _tile_loadd(4, a + k, a_bytes);
    _tile_loadd(6, b + std::ptrdiff_t{k} * panel_width, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (panels > 1) {
      _tile_loadd(7, b + panel_stride + std::ptrdiff_t{k} * panel_width, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (row_tiles > 1) {
      _tile_loadd(5, a + 16 * a_stride + k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (panels > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  const auto bytes = to.row * std::ptrdiff_t{sizeof(float)};
  _tile_stored(0, to.first, bytes);
  if constexpr (panels > 1) _tile_stored(1, to.first + to.panel, bytes);
  if constexpr (row_tiles > 1) _tile_stored(2, to.first + 16 * to.row, bytes);
  if constexpr (row_tiles > 1 && panels > 1) _tile_stored(3, to.first + 16 * to.row + to.panel, bytes);
}

template <typename Element, int panels>
void sum_rows(const typename Element::Type *a, std::ptrdiff_t a_stride, const typename Element::Type *b,
              std::ptrdiff_t panel_stride, int depth, int rows, const Sums &to) {
  if (rows > 16)
    sum_tile<2, panels>(a, a_stride, b, panel_stride, depth, to);
  else
    sum_tile<1, panels>(a, a_stride, b, panel_stride, depth, to);
}

#else

struct TileRegisters {};

// As many sums as fit in registers next to the row of b and one value of a.
#if defined(__AVX512F__)
constexpr int tile_rows = 14;
#else
constexpr int tile_rows = 6;
#endif
constexpr int tile_depth = 16;

#if defined(__AVX512F__)
constexpr int panels_at_once = 2;
#else
constexpr int panels_at_once = 1;
#endif

// sums += a * b for `group` neighboring values of a row of a and of a panel.
inline void add_product(Floats &sums, float a, Floats b, Fp32 /*element*/) {
  sums += a * b;
}

#if defined(__AVX512BF16__)
inline void add_product(Floats &sums, float a, Floats b, Bf16 /*element*/) {
  sums = _mm512_dpbf16_ps(sums, bits<__m512bh>(broadcast_bits(a)), bits<__m512bh>(b));
}
#endif

#if defined(UNIAD_INT8)
// The sums are integers that are stored in a float type.
inline void add_product(Floats &sums, float a, Floats b, Bytes /*element*/) {
#if defined(__AVX512VNNI__)
  sums = bits<Floats>(
      _mm512_dpbusd_epi32(bits<__m512i>(sums), bits<__m512i>(broadcast_bits(a)), bits<__m512i>(b)));
#else
  sums = bits<Floats>(
      _mm256_dpbusd_avx_epi32(bits<__m256i>(sums), bits<__m256i>(broadcast_bits(a)), bits<__m256i>(b)));
#endif
}
#endif

template <typename Element, int panels>
void sum_tile(const typename Element::Type *a, std::ptrdiff_t a_stride, const typename Element::Type *b,
              std::ptrdiff_t panel_stride, int depth, const Sums &to) {
  constexpr int columns = panels * panel_vectors;
  Floats sums[tile_rows][columns] = {};
  for (int k = 0; k < depth; k += Element::group) {
    Floats row[columns];
    for (int c = 0; c < columns; ++c) {
      row[c] = load_as<Floats>(b + (c / panel_vectors) * panel_stride + std::ptrdiff_t{k} * panel_width +
                               c % panel_vectors * lanes * Element::group);
    }
#pragma GCC unroll 14
    for (int r = 0; r < tile_rows; ++r) {
      const auto value = load_as<float>(a + r * a_stride + k);
      for (int c = 0; c < columns; ++c) add_product(sums[r][c], value, row[c], Element{});
    }
  }
  for (int r = 0; r < tile_rows; ++r)
    for (int c = 0; c < columns; ++c)
      store(to.first + r * to.row + c / panel_vectors * to.panel + lane(c % panel_vectors), sums[r][c]);
}

template <typename Element, int panels>
void sum_rows(const typename Element::Type *a, std::ptrdiff_t a_stride, const typename Element::Type *b,
              std::ptrdiff_t panel_stride, int depth, int /*rows*/, const Sums &to) {
  if constexpr (panels <= panels_at_once) {
    sum_tile<Element, panels>(a, a_stride, b, panel_stride, depth, to);
  } else {
    for (int p = 0; p < panels; ++p)
      sum_tile<Element, 1>(a, a_stride, b + p * panel_stride, panel_stride, depth,
                           {to.first + p * to.panel, to.row, to.panel});
  }
}

#endif

// Panels p and p + 1, or only p if it is the last one.
template <typename Element>
void sum_panels(const typename Element::Type *a, std::ptrdiff_t a_stride, const typename Element::Type *b,
                int depth, int rows, int p, int panels, const Sums &to) {
  const std::ptrdiff_t panel_stride = std::ptrdiff_t{depth} * panel_width;
  if (panels - p > 1)
    sum_rows<Element, 2>(a, a_stride, b + p * panel_stride, panel_stride, depth, rows, to);
  else
    sum_rows<Element, 1>(a, a_stride, b + p * panel_stride, panel_stride, depth, rows, to);
}

template <typename Element>
void multiply_tiles(const GemmArgs &m) {
  using Type = typename Element::Type;
  Tile tile;
  const Sums sums{tile.sums[0][0], panel_width, panels_of(most_tile_rows)};
  for (int p = 0; p < m.panels; p += tile_panels) {
    for (int r = 0; r < m.rows; r += tile_rows) {
      const int rows = m.rows - r < tile_rows ? m.rows - r : tile_rows;
      sum_panels<Element>(static_cast<const Type *>(m.a) + r * m.a_stride, m.a_stride,
                          static_cast<const Type *>(m.b), m.depth, rows, p, m.panels, sums);
      finish<Element>(m, tile, r, rows, p, m.panels - p > 1 ? 2 : 1);
    }
  }
}

template <typename Element>
void multiply(const GemmArgs &m) {
  [[maybe_unused]] const TileRegisters tiles;
  multiply_tiles<Element>(m);
}

template <typename Element>
void pack(const float *weights, int columns, int values, int padded_depth, int panels, void *packed,
          float * /*scales*/, float * /*offsets*/) {
  constexpr int group = Element::group;
  auto *out = static_cast<typename Element::Type *>(packed);
  for (int p = 0; p < panels; ++p) {
    for (int k = 0; k < padded_depth; k += group) {
      for (int c = 0; c < panel_width; ++c) {
        const int column = p * panel_width + c;
        for (int g = 0; g < group; ++g) {
          const bool inside = column < columns && k + g < values;
          *out++ = Element::from(inside ? weights[std::ptrdiff_t{column} * values + k + g] : 0);
        }
      }
    }
  }
}

void scale_rows(const float *packed, const float *factors, std::ptrdiff_t rows, float *scaled) {
  for (std::ptrdiff_t k = 0; k < rows; ++k)
    for (int v = 0; v < panel_width; v += lanes)
      store(scaled + k * panel_width + v, load(packed + k * panel_width + v) * factors[k]);
}

// Pairs of values: the even one in a word's lower half.
void scale_rows(const std::uint16_t *packed, const float *factors, std::ptrdiff_t rows,
                std::uint16_t *scaled) {
  for (std::ptrdiff_t k = 0; k < rows; k += 2) {
    for (int v = 0; v < panel_width; v += lanes) {
      const auto pair = load_as<Words>(packed + k * panel_width + std::ptrdiff_t{2} * v);
      const Floats even = bits<Floats>(pair << 16) * factors[k];
      const Floats odd = bits<Floats>(pair & 0xFFFF0000U) * factors[k + 1];
      const Words low = __builtin_convertvector(Bf16::round(even), Words);
      const Words high = __builtin_convertvector(Bf16::round(odd), Words);
      store_as(scaled + k * panel_width + std::ptrdiff_t{2} * v, low | (high << 16));
    }
  }
}

template <typename Element>
void scale(const void *packed, const float *factors, int padded_depth, int panels, void *scaled) {
  using Type = typename Element::Type;
  for (int p = 0; p < panels; ++p) {
    const std::ptrdiff_t first = std::ptrdiff_t{p} * padded_depth * panel_width;
    scale_rows(static_cast<const Type *>(packed) + first, factors, padded_depth,
               static_cast<Type *>(scaled) + first);
  }
}

}  // namespace
}  // namespace uniad::cpu
