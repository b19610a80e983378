// SPDX-License-Identifier: Apache-2.0
// How one sample of a frame is drawn on.
#pragma once

#include <cstdint>

#include "model/base/host_device.h"

namespace uniad {

// The change of one sample of a frame: (sample * keep + add) / 256, with `keep` in the upper half.
using Paint = std::uint32_t;

inline constexpr Paint untouched = 256U << 16;

constexpr Paint paint_of(std::uint32_t alpha256, std::uint32_t value256) {
  return (256 - alpha256) << 16 | value256;
}

// scale: the value of 8-bit 1 in the sample's format.
UNIAD_HOST_DEVICE constexpr std::uint32_t painted(std::uint32_t sample, Paint paint,
                                                  std::uint32_t scale = 1) {
  return (sample * (paint >> 16) + (paint & 0xffff) * scale + 128) >> 8;
}

}  // namespace uniad
