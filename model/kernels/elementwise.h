// SPDX-License-Identifier: Apache-2.0
// Squeeze-and-excitation, layer normalization and other elementwise kernels. Compiled once for each
// instruction set (kernels.cpp).
#pragma once

#include "model/kernels/panels.h"

namespace uniad::cpu {
namespace {

float sigmoid(float x) {
  return 1.0F / (1.0F + power_of_two<Accuracy::Full>(broadcast(x * -log2_e))[0]);
}

void squeeze(const SqueezeExciteArgs &s) {
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
void to_f32(const void *input, std::ptrdiff_t stride, int rows, float *output) {
  const auto *in = static_cast<const typename Element::Type *>(input);
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < panel_width; v += lanes)
      store(output + panels_of(r) + v, Element::load(in + r * stride + v));
}

template <typename Element>
void from_f32(const float *input, int count, void *output) {
  auto *out = static_cast<typename Element::Type *>(output);
  int i = 0;
  for (; i + lanes <= count; i += lanes) Element::store(out + i, load(input + i));
  for (; i < count; ++i) out[i] = Element::from(input[i]);
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
void normalize(const LayerNormArgs &n) {
  using Type = typename Element::Type;
  const int whole = n.columns / lanes * lanes;
  for (int r = 0; r < n.rows; ++r) {
    const float *in = n.input + r * n.f32_stride;
    const bool scaled = n.weight != nullptr;
    const auto [mean, factor] = scaled ? moments_of(in, n.columns, n.eps) : Moments{0, 1};
    float *wide = n.f32 == nullptr ? nullptr : n.f32 + r * n.f32_stride;
    auto *out = n.output == nullptr ? nullptr : static_cast<Type *>(n.output) + r * n.output_stride;
    auto *placed = n.placed == nullptr ? nullptr : static_cast<Type *>(n.placed) + r * n.output_stride;
    const float *offset = n.offset + (n.placed == nullptr ? 0 : r * n.f32_stride);
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
void blend(const BlendArgs &b) {
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

}  // namespace
}  // namespace uniad::cpu
