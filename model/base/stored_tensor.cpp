// SPDX-License-Identifier: Apache-2.0
#include "model/base/stored_tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

namespace uniad {
namespace {

float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  float magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  if (exponent == 0) magnitude = std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) {
    magnitude =
        fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <typename Element, typename Convert>
std::vector<float> convert(std::span<const std::byte> bytes, Convert to_float) {
  std::vector<float> values(bytes.size() / sizeof(Element));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    values[i] = to_float(element);
  }
  return values;
}

template <typename Element>
std::vector<float> cast(std::span<const std::byte> bytes) {
  return convert<Element>(bytes, [](Element element) { return static_cast<float>(element); });
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::F64:
    case DType::I64:
      return 8;
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16:
      return 2;
    case DType::I8:
    case DType::U8:
    case DType::Bool:
      return 1;
  }
  return 0;
}

bool is_floating(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

std::vector<float> to_float(const StoredTensor &tensor) {
  switch (tensor.dtype) {
    case DType::F64:
      return cast<double>(tensor.bytes);
    case DType::F32:
      return cast<float>(tensor.bytes);
    case DType::F16:
      return convert<std::uint16_t>(tensor.bytes, half_to_float);
    case DType::BF16:
      return convert<std::uint16_t>(tensor.bytes, bfloat_to_float);
    case DType::I64:
      return cast<std::int64_t>(tensor.bytes);
    case DType::I32:
      return cast<std::int32_t>(tensor.bytes);
    case DType::I16:
      return cast<std::int16_t>(tensor.bytes);
    case DType::I8:
      return cast<std::int8_t>(tensor.bytes);
    case DType::U8:
    case DType::Bool:
      return cast<std::uint8_t>(tensor.bytes);
  }
  return {};
}

}  // namespace uniad
