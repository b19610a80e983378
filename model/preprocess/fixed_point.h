// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace uniad {

// a * b / 2^15, rounded; written as the one instruction (pmulhrsw) that compilers know it by.
inline std::int16_t multiply(std::int16_t a, std::int16_t b) {
  return static_cast<std::int16_t>((((std::int32_t{a} * b) >> 14) + 1) >> 1);
}

}  // namespace uniad
