// SPDX-License-Identifier: Apache-2.0
// Compiled once for each instruction set (meson.build): nothing in here may call a function that another file
// could have compiled for a lesser one.
#include "model/kernels/kernels.h"

#include "model/kernels/vector.h"

namespace uniad::cpu {
namespace {

constexpr int panel_vectors = panel_width / lanes;

// Vector v of a panel's floats.
constexpr std::ptrdiff_t lane(int v) {
  return std::ptrdiff_t{v} * lanes;
}

constexpr std::ptrdiff_t panels_of(std::ptrdiff_t n) {
  return n * panel_width;
}

template <typename Element, Activation activation>
Floats activate(Floats x) {
  if constexpr (activation == Activation::Relu) return larger(Floats{}, x);
  if constexpr (activation == Activation::Relu6) return smaller(broadcast(6.0F), larger(Floats{}, x));
  if constexpr (activation == Activation::Silu) return silu<Element::accuracy>(x);
  return x;
}

// Calls `use` with the activation as a constant.
template <typename Use>
void with_activation(Activation activation, Use use) {
  switch (activation) {
    case Activation::None:
      return use.template operator()<Activation::None>();
    case Activation::Relu:
      return use.template operator()<Activation::Relu>();
    case Activation::Relu6:
      return use.template operator()<Activation::Relu6>();
    case Activation::Silu:
      return use.template operator()<Activation::Silu>();
  }
}

// A tile of sums, in the nearest cache: what every multiplication leaves, and `finish` turns into results.
constexpr int tile_panels = 2;
constexpr int most_tile_rows = 32;
struct alignas(64) Tile {
  float sums[tile_panels][most_tile_rows][panel_width];
};

// Where a tile's sums are stored.
struct Sums {
  float *first;
  std::ptrdiff_t row, panel;  // floats to the next one
};

template <typename Element, Activation activation>
void finish_as(const Multiply &m, const Tile &tile, int first_row, int rows, int first_panel, int panels) {
  using Type = typename Element::Type;
  for (int p = 0; p < panels; ++p) {
    const std::ptrdiff_t column = std::ptrdiff_t{first_panel + p} * panel_width;
    // Pointers of the first row; null where there is none. (Kept out of `m`, which stores could change.)
    const auto *skip = static_cast<const Type *>(m.skip);
    const float *residual = m.residual;
    auto *c = static_cast<Type *>(m.c);
    float *wide = m.wide;
    if (skip != nullptr) skip += first_row * m.skip_stride + column;
    if (residual != nullptr) residual += first_row * m.residual_stride + column;
    if (c != nullptr) c += first_row * m.c_stride + column;
    if (wide != nullptr) wide += (first_panel + p) * m.wide_panel;
    Floats bias[panel_vectors] = {};
    for (int v = 0; m.bias != nullptr && v < panel_vectors; ++v) bias[v] = load(m.bias + column + lane(v));
    const std::ptrdiff_t skip_stride = m.skip_stride, residual_stride = m.residual_stride,
                         c_stride = m.c_stride, wide_stride = m.wide_stride;
    int to_gap = m.wide_gap > 0 ? m.wide_width - first_row % m.wide_width : rows;
    if (wide != nullptr)
      wide += (first_row + (m.wide_gap > 0 ? first_row / m.wide_width * m.wide_gap : 0)) * wide_stride;
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
      wide += wide_stride;
      if (--to_gap == 0) {
        to_gap = m.wide_width;
        wide += m.wide_gap * wide_stride;
      }
    }
  }
}

template <typename Element>
void finish(const Multiply &m, const Tile &tile, int first_row, int rows, int first_panel, int panels) {
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

// The tiles are a multiplication's while this lives.
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

// As many sums as the registers hold beside the row of b and one value of a.
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

// sums += a * b for `group` neighbouring values of a row of a and of a panel.
inline void add_product(Floats &sums, float a, Floats b, Fp32 /*element*/) {
  sums += a * b;
}

#if defined(__AVX512BF16__)
inline void add_product(Floats &sums, float a, Floats b, Bf16 /*element*/) {
  sums = _mm512_dpbf16_ps(sums, bits<__m512bh>(broadcast_bits(a)), bits<__m512bh>(b));
}
#endif

#if defined(UNIAD_INT8)
// Whole numbers all the while: the sums only look like floats.
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

// Panels p and p + 1, or p alone where it is the last.
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
void multiply_tiles(const Multiply &m) {
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
void multiply(const Multiply &m) {
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

#if defined(UNIAD_INT8)

// A row's values lie in bytes of 1 to 255 around this one.
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

// A row of `values`, times their factors, as bytes. Returns the worth of one step; no number where the row
// has one that is none.
template <typename Element>
float quantise_row(const typename Element::Type *row, const float *factors, int values, std::uint8_t *bytes) {
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
void quantise(const Multiply &m, std::uint8_t *bytes, float *row_scales) {
  for (int r = 0; r < m.rows; ++r)
    row_scales[r] = quantise_row<Element>(static_cast<const typename Element::Type *>(m.a) + r * m.a_stride,
                                          m.factors, m.values, bytes + std::ptrdiff_t{r} * m.depth);
}

// The sums of bytes -> what the sums of the numbers would be.
void dequantise(const Multiply &m, const float *row_scales, int rows, int first_panel, int panels,
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

// Panels outermost, as in multiply_tiles.
template <typename Element>
void multiply_quantised(const Multiply &m, const std::uint8_t *bytes, const float *row_scales, int first,
                        int count) {
  Tile tile;
  const Sums sums{tile.sums[0][0], panel_width, panels_of(most_tile_rows)};
  for (int p = 0; p < m.panels; p += tile_panels) {
    const int panels = m.panels - p > 1 ? 2 : 1;
    for (int r = 0; r < count; r += tile_rows) {
      const int rows = count - r < tile_rows ? count - r : tile_rows;
      sum_panels<Bytes>(bytes + std::ptrdiff_t{r} * m.depth, m.depth, static_cast<const std::uint8_t *>(m.b),
                        m.depth, rows, p, m.panels, sums);
      dequantise(m, row_scales + r, rows, p, panels, tile);
      finish<Element>(m, tile, first + r, rows, p, panels);
    }
  }
}

template <typename Element>
void multiply_bytes(const Multiply &m) {
  if (m.row_scales != nullptr)
    return multiply_quantised<Element>(m, static_cast<const std::uint8_t *>(m.a), m.row_scales, 0, m.rows);
  alignas(64) std::uint8_t bytes[tile_rows * longest_byte_row];
  float row_scales[most_rows_at_once];
  // As many whole tiles of rows as there is room for.
  const int fit = static_cast<int>(sizeof bytes) / m.depth;
  const int at_once = (fit < most_rows_at_once ? fit : most_rows_at_once) / tile_rows * tile_rows;
  for (int r = 0; r < m.rows; r += at_once) {
    Multiply part = m;
    part.rows = m.rows - r < at_once ? m.rows - r : at_once;
    part.a = static_cast<const typename Element::Type *>(m.a) + r * m.a_stride;
    quantise<Element>(part, bytes, row_scales);
    multiply_quantised<Element>(m, bytes, row_scales, r, part.rows);
  }
}

#endif

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

// `count` neighbouring outputs of a row.
template <typename Element, int kernel, int stride, int count, Activation activation>
void depthwise_outputs(const Depthwise &d, int y, int x, Floats *totals) {
  for (int v = 0; v < panel_vectors; ++v) {
    Floats sums[count];
    for (int i = 0; i < count; ++i) sums[i] = load(d.bias + lane(v));
    for (int ky = 0; ky < kernel; ++ky) {
      const float *row =
          d.input +
          (std::ptrdiff_t{y * stride + ky} * d.input_width + std::ptrdiff_t{x} * stride) * panel_width +
          lane(v);
      Floats weights[kernel];
      for (int kx = 0; kx < kernel; ++kx)
        weights[kx] = load(d.weights + panels_of(ky * kernel + kx) + lane(v));
#pragma GCC unroll 32
      for (int i = 0; i < (count - 1) * stride + kernel; ++i) {
        const Floats value = load(row + panels_of(i));
#pragma GCC unroll 8
        for (int o = 0; o < count; ++o) {
          const int kx = i - o * stride;
          if (kx >= 0 && kx < kernel) sums[o] += value * weights[kx];
        }
      }
    }
    auto *out = static_cast<typename Element::Type *>(d.output) +
                (std::ptrdiff_t{y} * d.width + x) * d.output_stride + v * lanes;
    for (int o = 0; o < count; ++o) {
      const Floats value = activate<Element, activation>(sums[o]);
      totals[v] += value;
      Element::store(out + o * d.output_stride, value);
    }
  }
}

template <typename Element, int kernel, int stride, Activation activation>
void depthwise_as(const Depthwise &d) {
  constexpr int at_once = lanes == 16 ? 7 : 3;
  Floats totals[panel_vectors] = {};
  for (int y = 0; y < d.height; ++y) {
    int x = 0;
    for (; x + at_once <= d.width; x += at_once)
      depthwise_outputs<Element, kernel, stride, at_once, activation>(d, y, x, totals);
    for (; x < d.width; ++x) depthwise_outputs<Element, kernel, stride, 1, activation>(d, y, x, totals);
  }
  if (d.sums != nullptr)
    for (int v = 0; v < panel_vectors; ++v) store(d.sums + lane(v), totals[v]);
}

template <typename Element>
void depthwise(const Depthwise &d) {
  with_activation(d.activation, [&]<Activation activation>() {
    if (d.kernel == 3 && d.stride == 1) return depthwise_as<Element, 3, 1, activation>(d);
    if (d.kernel == 3) return depthwise_as<Element, 3, 2, activation>(d);
    if (d.stride == 1) return depthwise_as<Element, 5, 1, activation>(d);
    return depthwise_as<Element, 5, 2, activation>(d);
  });
}

float sigmoid(float x) {
  return 1.0F / (1.0F + power_of_two<Accuracy::Full>(broadcast(x * -log2_e))[0]);
}

void squeeze(const Squeeze &s) {
  for (int i = 0; i < s.squeezed; ++i) {
    const float *weights = s.reduce + std::ptrdiff_t{i} * s.channels;
    Floats total{};
    for (int c = 0; c < s.channels; c += lanes) total += load(weights + c) * load(s.sums + c);
    const float x = sum(total) * s.inverse_count + s.reduce_bias[i];
    s.inner[i] = x * sigmoid(x);
  }
  for (int c = 0; c < s.channels; c += lanes) {
    Floats x = load(s.expand_bias + c);
    for (int i = 0; i < s.squeezed; ++i)
      x += load(s.expand + std::ptrdiff_t{i} * s.channels + c) * s.inner[i];
    store(s.gate + c, 1.0F / (1.0F + power_of_two<Accuracy::Full>(x * -log2_e)));
  }
}

template <typename Element>
void widen(const void *input, std::ptrdiff_t stride, int rows, float *output) {
  const auto *in = static_cast<const typename Element::Type *>(input);
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < panel_width; v += lanes)
      store(output + panels_of(r) + v, Element::load(in + r * stride + v));
}

template <typename Element>
void narrow(const float *input, int count, void *output) {
  auto *out = static_cast<typename Element::Type *>(output);
  int i = 0;
  for (; i + lanes <= count; i += lanes) Element::store(out + i, load(input + i));
  for (; i < count; ++i) out[i] = Element::from(input[i]);
}

constexpr int up_to(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// What attend keeps in its scratch memory, in bytes from its start.
template <typename Element>
struct AttendLayout {
  int head_depth, head_panels, key_panels, key_depth, score_stride;
  std::size_t keys, values, scores, shares, result, end;

  AttendLayout(int key_count, int head)
      : head_depth(up_to(head, tile_depth)),
        head_panels(up_to(head, panel_width) / panel_width),
        key_panels(up_to(key_count, panel_width) / panel_width),
        key_depth(up_to(key_count, tile_depth)),
        score_stride(up_to(key_count, tile_depth)) {
    constexpr std::size_t element = sizeof(typename Element::Type);
    const auto size = [](int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
    keys = 0;
    values = keys + size(key_panels * panel_width, head_depth) * element;
    scores = values + size(head_panels * panel_width, key_depth) * element;
    shares = scores + size(tile_rows, score_stride) * sizeof(float);
    result = shares + size(tile_rows, key_depth) * element;
    end = result + size(tile_rows, head_panels * panel_width) * sizeof(float);
  }
};

// Keys as columns, `group` values of them in a word. (Rows behind the last key may hold anything: their
// scores are written over.)
template <typename Element>
void pack_keys(const Attend &at, const AttendLayout<Element> &layout, typename Element::Type *packed) {
  using Type = typename Element::Type;
  constexpr int group = Element::group;
  for (int p = 0; p < layout.key_panels; ++p) {
    Type *to = packed + std::ptrdiff_t{p} * layout.head_depth * panel_width;
    const Type *from = static_cast<const Type *>(at.k) + std::ptrdiff_t{p} * panel_width * at.k_stride;
    int d = 0;
    for (; d + group <= at.head; d += group)
      for (int c = 0; c < panel_width; ++c)
        store_as(to + (d * panel_width + c * group), load_as<std::uint32_t>(from + c * at.k_stride + d));
    for (; d < layout.head_depth; ++d)
      for (int c = 0; c < panel_width; ++c)
        to[d / group * group * panel_width + c * group + d % group] =
            d < at.head ? from[c * at.k_stride + d] : Type{};
  }
}

inline void pack_row(const float *v, std::ptrdiff_t /*stride*/, float *to) {
  for (int i = 0; i < panel_width; i += lanes) store(to + i, load(v + i));
}

inline void pack_row(const std::uint16_t *v, std::ptrdiff_t stride, std::uint16_t *to) {
  for (int i = 0; i < panel_width; i += lanes) {
    const Words low = __builtin_convertvector(load_as<Halves>(v + i), Words);
    const Words high = __builtin_convertvector(load_as<Halves>(v + stride + i), Words);
    store_as(to + std::ptrdiff_t{2} * i, low | (high << 16));
  }
}

// (Rows behind the last key must be finite: they are multiplied by zero. What lies behind the head's columns
// comes out behind the head's results.)
template <typename Element>
void pack_values(const Attend &at, const AttendLayout<Element> &layout, typename Element::Type *packed) {
  using Type = typename Element::Type;
  for (int p = 0; p < layout.head_panels; ++p)
    for (int key = 0; key < layout.key_depth; key += Element::group)
      pack_row(static_cast<const Type *>(at.v) + key * at.v_stride + std::ptrdiff_t{p} * panel_width,
               at.v_stride, packed + (std::ptrdiff_t{p} * layout.key_depth + key) * panel_width);
}

constexpr float hidden_score = -1e30F;

void hide_neighbours(const Attend &at, int query, float *scores) {
  const int y = query / at.grid_width, x = query % at.grid_width;
  const int high = at.mask_height / 2, wide = at.mask_width / 2;
  const int top = y - high < 0 ? 0 : y - high;
  const int bottom = y + high < at.grid_height ? y + high : at.grid_height - 1;
  const int left = x - wide < 0 ? 0 : x - wide;
  const int right = x + wide < at.grid_width ? x + wide : at.grid_width - 1;
  for (int row = top; row <= bottom; ++row)
    for (int column = left; column <= right; ++column) scores[row * at.grid_width + column] = hidden_score;
}

// Scores of one query -> shares of the keys that are seen, not yet divided by their sum. Returns 1 / sum.
// Scores behind the last one are written over.
template <typename Element>
float soften(float *scores, int keys, int key_depth, typename Element::Type *shares) {
  const int whole = up_to(keys, lanes);
  for (int i = keys; i < whole; ++i) scores[i] = hidden_score;
  Floats most = broadcast(hidden_score);
  for (int i = 0; i < whole; i += lanes) most = larger(most, load(scores + i));
  const float peak = maximum(most);
  Floats total{};
  for (int i = 0; i < whole; i += lanes) {
    const Floats share =
        power_of_two<Element::accuracy>(larger(broadcast(-100.0F), (load(scores + i) - peak) * log2_e));
    total += share;
    Element::store(shares + i, share);
  }
  for (int i = whole; i < key_depth; ++i) shares[i] = {};
  return 1.0F / sum(total);
}

template <typename Element>
std::size_t attend_scratch(int tokens, int head) {
  return AttendLayout<Element>(tokens, head).end;
}

template <typename Element>
void attend(const Attend &at) {
  using Type = typename Element::Type;
  const int tokens = at.grid_height * at.grid_width;
  const AttendLayout<Element> layout(tokens, at.head);
  auto *memory = static_cast<std::byte *>(at.scratch);
  auto *keys = reinterpret_cast<Type *>(memory + layout.keys);
  auto *values = reinterpret_cast<Type *>(memory + layout.values);
  auto *scores = reinterpret_cast<float *>(memory + layout.scores);
  auto *shares = reinterpret_cast<Type *>(memory + layout.shares);
  auto *result = reinterpret_cast<float *>(memory + layout.result);
  pack_keys(at, layout, keys);
  pack_values(at, layout, values);

  const std::ptrdiff_t result_stride = std::ptrdiff_t{layout.head_panels} * panel_width;
  [[maybe_unused]] const TileRegisters tiles;
  for (int first = 0; first < tokens; first += tile_rows) {
    const int rows = tokens - first < tile_rows ? tokens - first : tile_rows;
    for (int p = 0; p < layout.key_panels; p += tile_panels)
      sum_panels<Element>(static_cast<const Type *>(at.q) + first * at.q_stride, at.q_stride, keys,
                          layout.head_depth, rows, p, layout.key_panels,
                          {scores + std::ptrdiff_t{p} * panel_width, layout.score_stride, panel_width});
    float inverse_sums[tile_rows];
    for (int r = 0; r < rows; ++r) {
      float *of_query = scores + std::ptrdiff_t{r} * layout.score_stride;
      if (at.masked) hide_neighbours(at, first + r, of_query);
      inverse_sums[r] =
          soften<Element>(of_query, tokens, layout.key_depth, shares + std::ptrdiff_t{r} * layout.key_depth);
    }
    for (int p = 0; p < layout.head_panels; p += tile_panels)
      sum_panels<Element>(shares, layout.key_depth, values, layout.key_depth, rows, p, layout.head_panels,
                          {result + std::ptrdiff_t{p} * panel_width, result_stride, panel_width});
    for (int r = 0; r < rows; ++r) {
      const float *mean = result + r * result_stride;
      Type *out = static_cast<Type *>(at.output) + (first + r) * at.output_stride;
      int d = 0;
      for (; d + lanes <= at.head; d += lanes) Element::store(out + d, load(mean + d) * inverse_sums[r]);
      for (; d < at.head; ++d) out[d] = Element::from(mean[d] * inverse_sums[r]);
    }
  }
}

struct Moments {
  float mean, factor;
};

Moments moments_of(const float *in, int columns, float eps) {
  const int whole = columns / lanes * lanes;
  Floats total{};
  for (int i = 0; i < whole; i += lanes) total += load(in + i);
  float mean = sum(total);
  for (int i = whole; i < columns; ++i) mean += in[i];
  mean /= static_cast<float>(columns);
  Floats squares{};
  for (int i = 0; i < whole; i += lanes) {
    const Floats deviation = load(in + i) - mean;
    squares += deviation * deviation;
  }
  float variance = sum(squares);
  for (int i = whole; i < columns; ++i) variance += (in[i] - mean) * (in[i] - mean);
  variance /= static_cast<float>(columns);
  return {mean, 1.0F / __builtin_sqrtf(variance + eps)};
}

template <typename Element>
void normalise(const Normalise &n) {
  using Type = typename Element::Type;
  const int whole = n.columns / lanes * lanes;
  for (int r = 0; r < n.rows; ++r) {
    const float *in = n.input + r * n.wide_stride;
    const bool scaled = n.weight != nullptr;
    const auto [mean, factor] = scaled ? moments_of(in, n.columns, n.eps) : Moments{0, 1};
    float *wide = n.wide == nullptr ? nullptr : n.wide + r * n.wide_stride;
    auto *out = n.output == nullptr ? nullptr : static_cast<Type *>(n.output) + r * n.output_stride;
    auto *placed = n.placed == nullptr ? nullptr : static_cast<Type *>(n.placed) + r * n.output_stride;
    const float *offset = n.offset + (n.placed == nullptr ? 0 : r * n.wide_stride);
    for (int i = 0; i < whole; i += lanes) {
      Floats y = load(in + i);
      if (scaled) y = (y - mean) * factor * load(n.weight + i) + load(n.bias + i);
      if (wide != nullptr) store(wide + i, y);
      if (out != nullptr) Element::store(out + i, y);
      if (placed != nullptr) Element::store(placed + i, y + load(offset + i));
    }
    for (int i = whole; i < n.columns; ++i) {
      const float y = scaled ? (in[i] - mean) * factor * n.weight[i] + n.bias[i] : in[i];
      if (wide != nullptr) wide[i] = y;
      if (out != nullptr) out[i] = Element::from(y);
      if (placed != nullptr) placed[i] = Element::from(y + offset[i]);
    }
  }
}

template <typename Element>
void blend(const Blend &b) {
  using Type = typename Element::Type;
  for (int c = 0; c < b.channels; c += lanes) {
    Floats value{};
    for (int i = 0; i < 4; ++i)
      value += Element::load(static_cast<const Type *>(b.pixels[i]) + c) * b.weights[i];
    store(b.output + c, value * load(b.scale + c) + load(b.offset + c));
  }
}

template <typename Element>
void keep_larger(const void *input, int count, void *output) {
  const auto *in = static_cast<const typename Element::Type *>(input);
  auto *out = static_cast<typename Element::Type *>(output);
  for (int i = 0; i < count; i += lanes)
    Element::store(out + i, larger(Element::load(in + i), Element::load(out + i)));
}

void add_squares(const float *input, std::ptrdiff_t stride, int rows, int columns, float *sums) {
  for (int r = 0; r < rows; ++r) {
    Floats total{};
    for (int c = 0; c < columns; c += lanes) {
      const Floats x = load(input + r * stride + c);
      total += x * x;
    }
    sums[r] += sum(total);
  }
}

template <typename Element>
constexpr Kernels kernels_of(const char *name) {
  constexpr auto size = static_cast<int>(sizeof(typename Element::Type));
  Kernels kernels{name,
                  Element::precision,
                  size,
                  tile_depth,
                  tile_rows,
                  size,
                  tile_depth,
                  pack<Element>,
                  multiply<Element>,
                  scale<Element>,
                  nullptr,
                  depthwise<Element>,
                  squeeze,
                  widen<Element>,
                  narrow<Element>,
                  blend<Element>,
                  keep_larger<Element>,
                  add_squares,
                  attend_scratch<Element>,
                  attend<Element>,
                  normalise<Element>};
#if defined(UNIAD_INT8)
  kernels.precision = Precision::Int8;
  kernels.weight_element = 1;
  kernels.pack = pack_bytes;
  kernels.multiply = multiply_bytes<Element>;
  kernels.quantise = quantise<Element>;
  kernels.scale = nullptr;
#endif
  return kernels;
}

}  // namespace

extern const Kernels UNIAD_KERNELS;
const Kernels UNIAD_KERNELS = kernels_of<UNIAD_ELEMENT>(UNIAD_KERNELS_NAME);

}  // namespace uniad::cpu
