// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/preprocess/frame_view.h"

namespace uniad {

// Cameras of 10, 12 or 14 bits write values of 16 bits whose upper ones are empty: read as they stand, the
// pictures are nearly black.

// What values of 16 bits that were read together hold.
class DepthSeen {
 public:
  explicit DepthSeen(std::optional<int> bits) : bits_(bits) {}

  void add(std::uint16_t most) {
    if (!most_ || most > *most_) most_ = most;
  }

  // What the user should know of the bits that were assumed, about "cam0.mp4"; empty: nothing.
  std::string remark(const std::string &about) const;

 private:
  std::optional<int> bits_;
  std::optional<std::uint16_t> most_;  // absent: there were none of 16 bits
};

// The value of 16 bits that one of `bits` bits means.
inline std::uint16_t widen(std::uint16_t value, int bits) {
  const auto wide = std::uint32_t{value} << static_cast<unsigned>(16 - bits);
  return static_cast<std::uint16_t>(wide > 0xFFFF ? 0xFFFF : wide);
}

// The frame with components of 16 bits widened from `bits` (absent: as they are), grey without its chroma;
// `most` becomes the largest one as the rows are read, and must outlive the view.
FrameView widened(FrameView view, std::optional<int> bits, bool grey, std::uint16_t &most);

}  // namespace uniad
