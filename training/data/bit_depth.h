// SPDX-License-Identifier: Apache-2.0
// 16-bit formats whose values use fewer bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/preprocess/frame_view.h"

namespace uniad {

// Cameras with 10, 12 or 14 bits write 16-bit values whose upper bits are zero. Without correction, such
// pictures are nearly black.

// The range of the 16-bit values that were read.
class DepthSeen {
 public:
  explicit DepthSeen(std::optional<int> bits) : bits_(bits) {}

  void add(std::uint16_t most) {
    if (!most_ || most > *most_) most_ = most;
  }

  // A warning about the assumed number of bits, for example for "cam0.mp4"; empty if there is none.
  std::string warning(const std::string &about) const;

 private:
  std::optional<int> bits_;
  std::optional<std::uint16_t> most_;  // absent: there were no 16-bit values
};

// Converts a value of `bits` bits to 16 bits.
inline std::uint16_t widen(std::uint16_t value, int bits) {
  const auto wide = std::uint32_t{value} << static_cast<unsigned>(16 - bits);
  return static_cast<std::uint16_t>(wide > 0xFFFF ? 0xFFFF : wide);
}

// Returns a view of a frame with 16-bit components that scales them from `bits` bits to 16 (absent:
// unchanged). gray: only the first component is scaled, because there is no chroma. most: receives the
// largest component as rows are read; must outlive the view.
FrameView widened(FrameView view, std::optional<int> bits, bool gray, std::uint16_t &most);

}  // namespace uniad
