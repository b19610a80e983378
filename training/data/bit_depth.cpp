// SPDX-License-Identifier: Apache-2.0
#include "training/data/bit_depth.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace uniad {

std::string DepthSeen::warning(const std::string &about) const {
  if (!most_ || *most_ == 0) return {};
  const int used = std::bit_width(*most_);
  const auto of_values = about + ": its 16-bit values go up to " + std::to_string(*most_);
  if (bits_ && used > *bits_)
    return of_values + ", more than --bit-depth " + std::to_string(*bits_) +
           " allows; larger values become white";
  constexpr int of_sensors = 14;  // a larger range means that the pictures are merely dark
  if (bits_ || used > of_sensors) return {};
  return of_values + ", so it is nearly black; if its camera has fewer than 16 bits, set --bit-depth " +
         std::to_string(std::max(10, used + used % 2));
}

FrameView widened(FrameView view, std::optional<int> bits, bool gray, std::uint16_t &most) {
  view.unpack_row = [unpack = std::move(view.unpack_row), bits, gray, &most](int y,
                                                                             std::span<std::byte> row) {
    unpack(y, row);
    // The components of a pixel are A, followed by Y Cb Cr or R G B.
    auto *const values = reinterpret_cast<std::uint16_t *>(row.data());
    const std::size_t pixels = row.size() / (4 * sizeof(std::uint16_t));
    for (std::size_t i = 0; i < pixels; ++i)
      for (std::size_t component = 1; component < (gray ? 2U : 4U); ++component) {
        std::uint16_t &value = values[4 * i + component];
        most = std::max(most, value);
        if (bits) value = widen(value, *bits);
      }
  };
  return view;
}

}  // namespace uniad
