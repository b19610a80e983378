// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/pixels.h"

#include <algorithm>

#include "model/base/vectorize.h"

namespace uniad {

UNIAD_VECTORIZE
void levels_along(const SmoothMap::Parabola &parabola, float t, float step, int n, std::uint8_t *levels) {
  const auto [a, b, c] = parabola;
  for (int i = 0; i < n; ++i) {
    const float position = t + step * static_cast<float>(i);
    const float level = a + position * (b + position * c);
    levels[i] = static_cast<std::uint8_t>(static_cast<int>(std::min(std::max(level, 0.0F), 255.0F)));
  }
}

UNIAD_VECTORIZE
void look_up(const std::uint8_t *levels, int n, const std::array<Paint, 256> &table, Paint *paints,
             std::ptrdiff_t stride) {
  const Paint *entries = table.data();
  if (stride == 1)
    for (int i = 0; i < n; ++i) paints[i] = entries[levels[i]];
  else
    for (int i = 0; i < n; ++i) paints[i * stride] = entries[levels[i]];
}

UNIAD_VECTORIZE
void mix(const std::uint32_t *argb, int n, const Mix &mix, Paint *paints, std::ptrdiff_t stride) {
  const auto [red, green, blue, offset] = mix;
  for (int i = 0; i < n; ++i) {
    const std::uint32_t pixel = argb[i];
    const std::uint32_t alpha = (pixel >> 24) + (pixel >> 31);  // 0..256
    const std::int32_t color = red * static_cast<std::int32_t>((pixel >> 16) & 0xff) +
                               green * static_cast<std::int32_t>((pixel >> 8) & 0xff) +
                               blue * static_cast<std::int32_t>(pixel & 0xff);
    const std::int32_t value =
        ((color + (1 << (mix_bits - 9))) >> (mix_bits - 8)) + offset * static_cast<std::int32_t>(alpha);
    const auto most = static_cast<std::int32_t>(255 * alpha);
    const auto add = static_cast<std::uint32_t>(std::min(std::max(value, 0), most));
    paints[i * stride] = (256 - alpha) << 16 | add;
  }
}

UNIAD_VECTORIZE
void blend(const Paint *paints, int n, std::uint8_t *samples) {
  for (int i = 0; i < n; ++i) samples[i] = static_cast<std::uint8_t>(painted(samples[i], paints[i]));
}

UNIAD_VECTORIZE
void blend(const Paint *paints, int n, std::uint32_t scale, std::uint16_t *samples) {
  for (int i = 0; i < n; ++i) samples[i] = static_cast<std::uint16_t>(painted(samples[i], paints[i], scale));
}

}  // namespace uniad
