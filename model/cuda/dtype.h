// SPDX-License-Identifier: Apache-2.0
// Number formats of the kernels, and conversions between them.
#pragma once

#include <cstdint>
#include <cstring>

#include "model/base/host_device.h"

namespace uniad::cuda {

// Number formats of the network, converted bitwise: the same rounding on every device, without CUDA headers.
enum class ElementType { Fp32, Bf16, Fp16 };

constexpr const char *name_of(ElementType type) {
  return type == ElementType::Fp32 ? "fp32" : type == ElementType::Bf16 ? "bf16" : "fp16";
}

struct Bf16 {
  std::uint16_t bits;
};
struct Fp16 {
  std::uint16_t bits;
};

UNIAD_HOST_DEVICE inline std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

UNIAD_HOST_DEVICE inline float float_of(std::uint32_t bits) {
  float value = 0;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds to nearest, ties to even. NaN stays NaN.
UNIAD_HOST_DEVICE inline void store(float value, float &out) {
  out = value;
}

UNIAD_HOST_DEVICE inline void store(float value, Bf16 &out) {
  const std::uint32_t bits = bits_of(value);
  const bool nan = (bits & 0x7fffffff) > 0x7f800000;
  out.bits = static_cast<std::uint16_t>(nan ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

UNIAD_HOST_DEVICE inline void store(float value, Fp16 &out) {
  constexpr std::uint32_t smallest_normal = 0x38800000;  // 2^-14
  constexpr std::uint32_t overflow = 0x47800000;         // 2^16
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t half = 0x7c00;  // infinity
  if (magnitude > 0x7f800000) {
    half = 0x7e00;
  } else if (magnitude < smallest_normal) {
    // Adding 1/2 rounds the value to the 2^-24 steps that subnormal numbers have.
    half = bits_of(float_of(magnitude) + 0.5F) - bits_of(0.5F);
  } else if (magnitude < overflow) {
    half = (magnitude - (112U << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  }
  out.bits = static_cast<std::uint16_t>(((bits >> 16) & 0x8000U) | half);
}

UNIAD_HOST_DEVICE inline float load(float value) {
  return value;
}

UNIAD_HOST_DEVICE inline float load(Bf16 value) {
  return float_of(std::uint32_t{value.bits} << 16);
}

UNIAD_HOST_DEVICE inline float load(Fp16 value) {
  const std::uint32_t sign = (value.bits & 0x8000U) << 16;
  const std::uint32_t magnitude = value.bits & 0x7fffU;
  if (magnitude >= 0x7c00) return float_of(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  // The exponents lie 112 apart; a product with a power of two is exact, of subnormal numbers too.
  return float_of(sign | (magnitude << 13)) * float_of((127U + 112U) << 23);
}

}  // namespace uniad::cuda
