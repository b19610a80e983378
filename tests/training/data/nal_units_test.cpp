// SPDX-License-Identifier: Apache-2.0
#include "training/data/nal_units.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace uniad {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Random bytes with many zeros, as an encoder writes them: with a 3 inserted after two zero bytes.
Bytes encoded_nal_unit(std::size_t size, std::mt19937 &random) {
  Bytes bytes{0x65};
  while (bytes.size() < size) {
    const auto byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() % 256 : 0);
    const bool after_zeros = bytes.size() >= 2 && bytes.end()[-1] == 0 && bytes.end()[-2] == 0;
    if (after_zeros && byte <= 3) bytes.push_back(3);
    bytes.push_back(byte);
  }
  bytes.push_back(0x80);  // every payload ends with a one bit and zero bits
  return bytes;
}

void append(Bytes &packet, const Bytes &nal_unit, std::size_t length_size) {
  for (std::size_t i = length_size; i-- > 0;)
    packet.push_back(static_cast<std::uint8_t>(nal_unit.size() >> (8 * i)));
  packet.insert(packet.end(), nal_unit.begin(), nal_unit.end());
}

TEST(NalUnits, WhatAnEncoderWritesIsNotDamagedAndARunOfZerosIs) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t length_size = round % 2 == 0 ? 4 : 2;
    Bytes packet;
    for (int unit = 0; unit < 3; ++unit)
      append(packet, encoded_nal_unit(20 + random() % 400, random), length_size);
    EXPECT_FALSE(has_zeros_inside_nal_unit(packet, length_size)) << round;
    // Within the last unit, before its last byte.
    const std::size_t zeros = 4 + random() % 8;
    std::fill_n(packet.end() - static_cast<std::ptrdiff_t>(zeros) - 1, zeros, std::uint8_t{0});
    EXPECT_TRUE(has_zeros_inside_nal_unit(packet, length_size)) << round;
  }
}

TEST(NalUnits, WhatMuxersLeaveBehindIsNotDamaged) {
  const auto damaged = [](const Bytes &nal_unit) {
    Bytes packet;
    append(packet, nal_unit, 4);
    return has_zeros_inside_nal_unit(packet, 4);
  };
  EXPECT_FALSE(damaged({0x65, 7, 0, 0, 0, 0, 0, 0}));     // zero bytes at the end
  EXPECT_FALSE(damaged({0x67, 7, 0, 0, 0, 1, 0x68, 9}));  // two units with a start code between them
  EXPECT_FALSE(damaged({0, 0, 0, 0, 0}));
  EXPECT_TRUE(damaged({0x65, 7, 0, 0, 0, 0, 9}));
}

TEST(NalUnits, AnyBytesAreRead) {
  std::mt19937 random(2);
  for (int round = 0; round < 1000; ++round) {
    Bytes packet(random() % 40);
    for (auto &byte : packet) byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 0);
    for (const std::size_t length_size : {1U, 2U, 3U, 4U}) has_zeros_inside_nal_unit(packet, length_size);
  }
  EXPECT_FALSE(has_zeros_inside_nal_unit({}, 4));
  EXPECT_FALSE(has_zeros_inside_nal_unit(Bytes{0xFF, 0xFF, 0xFF, 0xFF}, 4));
}

}  // namespace
}  // namespace uniad
