// SPDX-License-Identifier: Apache-2.0
// Finds damage in the packets of H.264 and H.265 that decoders may not notice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace uniad {

// The number of bytes before each NAL unit that hold its length, from an AVCDecoderConfigurationRecord or an
// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15). Absent if the record is too short.
std::optional<std::size_t> nal_length_size_h264(std::span<const std::uint8_t> record);
std::optional<std::size_t> nal_length_size_h265(std::span<const std::uint8_t> record);

// Whether a NAL unit of the packet contains four zero bytes that do not end it. An encoder never writes them
// (ITU-T H.264, 7.4.1: after two zero bytes comes a three), but lost blocks of a disk or of a download look
// like that. Muxers may leave zero bytes at the end, and the three of a start code.
// packet: NAL units, each after its length in `length_size` bytes, 1..4.
bool has_zeros_inside_nal_unit(std::span<const std::uint8_t> packet, std::size_t length_size);

}  // namespace uniad
