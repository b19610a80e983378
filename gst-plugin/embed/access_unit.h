// SPDX-License-Identifier: Apache-2.0
// User data in access units of H.264 and H.265: where it goes, how it is written, and how it is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uniad {

enum class NalCodec { H264, H265 };

struct NalFormat {
  NalCodec codec;
  std::size_t length_size;  // bytes of the length before each NAL unit, 1 to 4; 0: start codes separate them
};

// Returns the size in bytes of the length field before each NAL unit, from an AVCDecoderConfigurationRecord
// or an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15). Absent if the record is too short.
std::optional<std::size_t> nal_length_size(NalCodec codec, std::span<const std::uint8_t> record);

// Identifies the writer of user data.
using Uuid = std::array<std::uint8_t, 16>;

// NAL units with the text as supplemental enhancement information (SEI), "user data unregistered", and where
// they belong.
struct UserData {
  std::size_t place;  // offset in the access unit: before its first slice
  std::vector<std::uint8_t> nal_units;
};

// GStreamer 1.22 can read such user data but not write it. A text that is too long for one NAL unit is
// divided. Absent if there is no slice, or if the access unit is malformed.
std::optional<UserData> user_data_for(std::span<const std::uint8_t> access_unit, NalFormat format,
                                      const Uuid &uuid, std::string_view text);

// The text of all user data with this UUID, in its order. What is malformed is left out.
std::string user_data_in(std::span<const std::uint8_t> access_unit, NalFormat format, const Uuid &uuid);

}  // namespace uniad
