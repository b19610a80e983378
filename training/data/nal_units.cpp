// SPDX-License-Identifier: Apache-2.0
#include "training/data/nal_units.h"

#include <algorithm>
#include <array>

namespace uniad {
namespace {

bool has_zeros_inside(std::span<const std::uint8_t> nal_unit) {
  constexpr std::array<std::uint8_t, 4> zeros{};
  const auto last =
      std::find_if(nal_unit.rbegin(), nal_unit.rend(), [](std::uint8_t byte) { return byte != 0; });
  return std::search(nal_unit.begin(), last.base(), zeros.begin(), zeros.end()) != last.base();
}

}  // namespace

bool has_zeros_inside_nal_unit(std::span<const std::uint8_t> packet, std::size_t length_size) {
  while (packet.size() > length_size) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size; ++i) length = length << 8 | packet[i];
    packet = packet.subspan(length_size);
    length = std::min(length, packet.size());
    if (has_zeros_inside(packet.first(length))) return true;
    packet = packet.subspan(length);
  }
  return false;
}

}  // namespace uniad
