// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/color_map.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace uniad {

namespace {

// 0xRRGGBB at equal distances. Colors in between are interpolated and differ from the published maps by at
// most 7 of 255.
constexpr std::array<std::uint32_t, 17> turbo{0x30123b, 0x4040a2, 0x466be3, 0x4294ff, 0x28bceb, 0x18ddc2,
                                              0x32f298, 0x6dfe62, 0xa4fc3c, 0xcbed34, 0xecd13a, 0xfdae35,
                                              0xfb8122, 0xec530f, 0xd23105, 0xac1701, 0x7a0403};
constexpr std::array<std::uint32_t, 9> jet{0x000080, 0x0000ff, 0x0080ff, 0x00ffff, 0x80ff80,
                                           0xffff00, 0xff8000, 0xff0000, 0x800000};
constexpr std::array<std::uint32_t, 17> inferno{0x000004, 0x0b0724, 0x210c4a, 0x3d0965, 0x57106e, 0x71196e,
                                                0x8a226a, 0xa32c61, 0xbc3754, 0xd04545, 0xe35933, 0xf1711f,
                                                0xf98c0a, 0xfcaa0f, 0xf9c932, 0xf2e865, 0xfcffa4};
constexpr std::array<std::uint32_t, 17> viridis{0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d,
                                                0x2c728e, 0x26828e, 0x21918c, 0x1f9f88, 0x27ad81, 0x3dbc74,
                                                0x5cc863, 0x81d34d, 0xaadc32, 0xd5e21a, 0xfde725};
constexpr std::array<std::uint32_t, 2> red{0xff0000, 0xff0000};

std::span<const std::uint32_t> stops_of(ColorMap map) {
  switch (map) {
    case ColorMap::Turbo:
      return turbo;
    case ColorMap::Jet:
      return jet;
    case ColorMap::Inferno:
      return inferno;
    case ColorMap::Viridis:
      return viridis;
    case ColorMap::Red:
      return red;
  }
  return red;
}

}  // namespace

Rgb color_of(ColorMap map, float position) {
  const auto stops = stops_of(map);
  const float scaled = std::clamp(position, 0.0F, 1.0F) * static_cast<float>(stops.size() - 1);
  const auto index = std::min(static_cast<std::size_t>(scaled), stops.size() - 2);
  const float t = scaled - static_cast<float>(index);
  const auto channel = [&](int shift) {
    const auto low = static_cast<float>((stops[index] >> shift) & 0xff);
    const auto high = static_cast<float>((stops[index + 1] >> shift) & 0xff);
    return low + t * (high - low);
  };
  return {channel(16), channel(8), channel(0)};
}

}  // namespace uniad
