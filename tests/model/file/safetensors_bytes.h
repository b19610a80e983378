// SPDX-License-Identifier: Apache-2.0
// Assembles safetensors files from their parts.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace uniad::test {

inline std::span<const std::byte> bytes_of(const std::string &text) {
  return std::as_bytes(std::span(text));
}

// The format, assembled by hand: the length of the header, the header, and the bytes of the tensors.
inline std::string safetensors_bytes(const std::string &header, const std::string &data = "") {
  const std::uint64_t size = header.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + header + data;
}

}  // namespace uniad::test
