// SPDX-License-Identifier: Apache-2.0
// Inner loops of drawing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gst-plugin/drawing/smooth_map.h"
#include "model/base/paint.h"

namespace uniad {

// Weights for computing one component of a pixel from premultiplied red, green, blue and alpha.
struct Mix {
  std::int32_t red = 0, green = 0, blue = 0;  // 1 is 1 << mix_bits
  std::int32_t offset = 0;
};
constexpr int mix_bits = 20;

// Levels 0..255 of n pixels along a parabola; the first pixel's center is at t, the next at t + step.
void levels_along(const SmoothMap::Parabola &parabola, float t, float step, int n, std::uint8_t *levels);

// paints[i * stride] = table[levels[i]]
void look_up(const std::uint8_t *levels, int n, const std::array<Paint, 256> &table, Paint *paints,
             std::ptrdiff_t stride);

// paints[i * stride] describes how argb[i], premultiplied, changes a sample.
void mix(const std::uint32_t *argb, int n, const Mix &mix, Paint *paints, std::ptrdiff_t stride);

void blend(const Paint *paints, int n, std::uint8_t *samples);
// scale: the 16-bit value that corresponds to 1 in 8 bits.
void blend(const Paint *paints, int n, std::uint32_t scale, std::uint16_t *samples);

}  // namespace uniad
