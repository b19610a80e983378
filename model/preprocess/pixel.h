// SPDX-License-Identifier: Apache-2.0
// Converts samples of a pixel to R, G and B.
#pragma once

#include <cstdint>

#include "model/base/host_device.h"

namespace uniad {

// The arithmetic of one pixel, which is the same on all devices: Y'CbCr in 16-bit fixed point -> R'G'B', and
// the chroma interpolation. Samples are levels times 256, chroma before its last interpolation times 64.
using Sample = std::uint16_t;

// Y'CbCr, times 256 -> R'G'B', times 32, in 16-bit fixed point: R = (Y * luma + Cr * red_cr) / 2^16 +
// red_offset, G = (Y * luma - Cb * green_cb - Cr * green_cr) / 2^16 + green_offset, B as R.
struct ColorTransform {
  std::uint16_t luma, red_cr, green_cb, green_cr, blue_cb;
  std::int16_t red_offset, green_offset, blue_offset;
};

struct RgbWords {
  std::int16_t r, g, b;
};

constexpr int fraction_bits = 5;                      // of converted Y'CbCr
constexpr std::int16_t white = 255 << fraction_bits;  // in this format

// Compilers recognize this form as a single instruction.
UNIAD_HOST_DEVICE inline Sample high_product(Sample a, Sample b) {
  return static_cast<Sample>((std::uint32_t{a} * b) >> 16);
}

// No sum exceeds 16 bits, because a sample and its chroma are within +-2^10 levels.
UNIAD_HOST_DEVICE inline std::int16_t clamp_level(int value) {
  const auto word = static_cast<std::int16_t>(value);
  return word < 0 ? std::int16_t{0} : word > white ? white : word;
}

UNIAD_HOST_DEVICE inline RgbWords to_rgb(const ColorTransform &t, Sample luma, Sample cb, Sample cr) {
  const Sample y = high_product(luma, t.luma);
  return {clamp_level(y + high_product(cr, t.red_cr) + t.red_offset),
          clamp_level(y - high_product(cb, t.green_cb) - high_product(cr, t.green_cr) + t.green_offset),
          clamp_level(y + high_product(cb, t.blue_cb) + t.blue_offset)};
}

// 0..255 * 32 -> 0..255.
UNIAD_HOST_DEVICE inline std::int16_t round_to_level(std::int16_t value) {
  constexpr int half = 1 << (fraction_bits - 1);
  const auto level = static_cast<std::int16_t>(static_cast<std::int16_t>(value + half) >> fraction_bits);
  return level < 255 ? level : std::int16_t{255};
}

// Gray of limited range, 16..235 -> 0..255.
UNIAD_HOST_DEVICE inline std::int16_t expand_gray(int level) {
  constexpr int scale = (255 * 65536 + 219 / 2) / 219;
  const int expanded = ((level - 16) * scale + 32768) >> 16;
  return static_cast<std::int16_t>(expanded < 0 ? 0 : expanded > 255 ? 255 : expanded);
}

// Full 16-bit range -> 0..255.
UNIAD_HOST_DEVICE inline std::int16_t narrow_level(std::uint32_t word) {
  return static_cast<std::int16_t>((word * 255 + 32768) >> 16);
}

// The two chroma rows around a luma row of a 4:2:0 picture, with weights in quarters.
struct ChromaRows {
  int near, far;
  Sample near_weight, far_weight;
};

UNIAD_HOST_DEVICE inline ChromaRows chroma_rows(int y, int height, bool top) {
  const int near = y / 2;
  const int last = (height - 1) / 2;
  const int next = near < last ? near + 1 : last;
  const bool odd = y % 2 != 0;
  if (top) return odd ? ChromaRows{near, next, 2, 2} : ChromaRows{near, near, 4, 0};
  return {near, odd ? next : near > 0 ? near - 1 : 0, 3, 1};
}

// Chroma (times 64) of an even or odd column -> times 256, from its own sample and the one before or after;
// left: samples are on the even columns.
UNIAD_HOST_DEVICE inline Sample even_chroma(bool left, Sample own, Sample before) {
  return static_cast<Sample>(left ? 4 * own : 3 * own + before);
}
UNIAD_HOST_DEVICE inline Sample odd_chroma(bool left, Sample own, Sample after) {
  return static_cast<Sample>(left ? 2 * (own + after) : 3 * own + after);
}

}  // namespace uniad
