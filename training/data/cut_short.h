// SPDX-License-Identifier: Apache-2.0
// Finds videos that are cut short.
#pragma once

#include <cstdint>
#include <filesystem>

namespace uniad {

// Bytes that are missing at the end of a video, at the least, by what its container (MP4 and MOV, AVI,
// Matroska and WebM) says of its own length. 0 where nothing is missing, and where it does not say. Demuxers
// end at such a place as at any other end, or find no stream, as the index of an MP4 mostly lies behind its
// frames.
std::uint64_t missing_bytes(const std::filesystem::path &video);

}  // namespace uniad
