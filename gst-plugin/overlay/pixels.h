// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gst-plugin/overlay/smooth_map.h"
#include "model/paint.h"

namespace uniad {

// One value of a pixel made from premultiplied red, green, blue and from alpha.
struct Mix {
  std::int32_t red = 0, green = 0, blue = 0;  // 1 is 1 << mix_bits
  std::int32_t offset = 0;
};
constexpr int mix_bits = 20;

// Levels 0..255 of n pixels along a parabola; the first pixel's centre is at t, the next at t + step.
void levels_along(const SmoothMap::Parabola &parabola, float t, float step, int n, std::uint8_t *levels);

// paints[i * stride] = table[levels[i]]
void look_up(const std::uint8_t *levels, int n, const std::array<Paint, 256> &table, Paint *paints,
             std::ptrdiff_t stride);

// paints[i * stride] is what argb[i], premultiplied, makes of a sample.
void mix(const std::uint32_t *argb, int n, const Mix &mix, Paint *paints, std::ptrdiff_t stride);

void blend(const Paint *paints, int n, std::uint8_t *samples);
// `scale`: what 1 of 8 bits is in 16.
void blend(const Paint *paints, int n, std::uint32_t scale, std::uint16_t *samples);

}  // namespace uniad
