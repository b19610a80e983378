// SPDX-License-Identifier: Apache-2.0
// Fixed-point numbers of the resize.
#pragma once

#include <cstdint>

namespace uniad {

// a * b / 2^15, rounded, in a form that compilers recognize as a single instruction (pmulhrsw).
inline std::int16_t multiply(std::int16_t a, std::int16_t b) {
  return static_cast<std::int16_t>((((std::int32_t{a} * b) >> 14) + 1) >> 1);
}

}  // namespace uniad
