// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/host_device.h"

namespace uniad {

// What one sample of a frame becomes: (sample * keep + add) / 256, `keep` in the upper half.
using Paint = std::uint32_t;

inline constexpr Paint untouched = 256U << 16;

constexpr Paint paint_of(std::uint32_t alpha256, std::uint32_t value256) {
  return (256 - alpha256) << 16 | value256;
}

// `scale`: what 1 of 8 bits is in the sample.
UNIAD_HOST_DEVICE constexpr std::uint32_t painted(std::uint32_t sample, Paint paint,
                                                  std::uint32_t scale = 1) {
  return (sample * (paint >> 16) + (paint & 0xffff) * scale + 128) >> 8;
}

}  // namespace uniad
