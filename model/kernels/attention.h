// SPDX-License-Identifier: Apache-2.0
// Attention of one head under a neighbor mask. Compiled once for each instruction set (kernels.cpp).
#pragma once

#include "model/kernels/gemm.h"

namespace uniad::cpu {
namespace {

constexpr int up_to(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// The layout of attend's scratch memory, as offsets in bytes.
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

// Keys as columns, with `group` values per word. (Rows after the last key may contain anything, because their
// scores are overwritten.)
template <typename Element>
void pack_keys(const AttentionArgs &at, const AttendLayout<Element> &layout, typename Element::Type *packed) {
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

// (Rows after the last key must be finite, because they are multiplied by zero. Values after the head's
// columns appear after the head's results.)
template <typename Element>
void pack_values(const AttentionArgs &at, const AttendLayout<Element> &layout,
                 typename Element::Type *packed) {
  using Type = typename Element::Type;
  for (int p = 0; p < layout.head_panels; ++p)
    for (int key = 0; key < layout.key_depth; key += Element::group)
      pack_row(static_cast<const Type *>(at.v) + key * at.v_stride + std::ptrdiff_t{p} * panel_width,
               at.v_stride, packed + (std::ptrdiff_t{p} * layout.key_depth + key) * panel_width);
}

constexpr float hidden_score = -1e30F;

void hide_neighbors(const AttentionArgs &at, int query, float *scores) {
  const int y = query / at.grid_width, x = query % at.grid_width;
  const int high = at.mask_height / 2, wide = at.mask_width / 2;
  const int top = y - high < 0 ? 0 : y - high;
  const int bottom = y + high < at.grid_height ? y + high : at.grid_height - 1;
  const int left = x - wide < 0 ? 0 : x - wide;
  const int right = x + wide < at.grid_width ? x + wide : at.grid_width - 1;
  for (int row = top; row <= bottom; ++row)
    for (int column = left; column <= right; ++column) scores[row * at.grid_width + column] = hidden_score;
}

// Converts the scores of one query to the weights of the visible keys, not yet divided by their sum. Returns
// 1 / sum. Scores after the last one are overwritten.
template <typename Element>
float softmax_row(float *scores, int keys, int key_depth, typename Element::Type *shares) {
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
void attend(const AttentionArgs &at) {
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
      if (at.masked) hide_neighbors(at, first + r, of_query);
      inverse_sums[r] = softmax_row<Element>(of_query, tokens, layout.key_depth,
                                             shares + std::ptrdiff_t{r} * layout.key_depth);
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

}  // namespace
}  // namespace uniad::cpu
