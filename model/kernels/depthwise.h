// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution. Compiled once for each instruction set (kernels.cpp).
#pragma once

#include "model/kernels/panels.h"

namespace uniad::cpu {
namespace {

// `count` neighboring outputs of a row.
template <typename Element, int kernel, int stride, int count, Activation activation>
void depthwise_outputs(const DepthwiseArgs &d, int y, int x, Floats *totals) {
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
void depthwise_as(const DepthwiseArgs &d) {
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
void depthwise(const DepthwiseArgs &d) {
  with_activation(d.activation, [&]<Activation activation>() {
    if (d.kernel == 3 && d.stride == 1) return depthwise_as<Element, 3, 1, activation>(d);
    if (d.kernel == 3) return depthwise_as<Element, 3, 2, activation>(d);
    if (d.stride == 1) return depthwise_as<Element, 5, 1, activation>(d);
    return depthwise_as<Element, 5, 2, activation>(d);
  });
}

}  // namespace
}  // namespace uniad::cpu
