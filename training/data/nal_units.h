// SPDX-License-Identifier: Apache-2.0
// Finds damage in the packets of H.264 and H.265 that decoders may not notice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace uniad {

// Returns whether a NAL unit of the packet contains four zero bytes before its end. Encoders never write
// them, because they insert a three after two zero bytes (ITU-T H.264, 7.4.1), but lost blocks of a disk or
// of a download look like this. Muxers may leave zero bytes at the end of a NAL unit, and the three zero
// bytes of a start code. packet: NAL units, each preceded by its length in `length_size` (1 to 4) bytes.
bool has_zeros_inside_nal_unit(std::span<const std::uint8_t> packet, std::size_t length_size);

}  // namespace uniad
