// SPDX-License-Identifier: Apache-2.0
// Finds videos that are cut short.
#pragma once

#include <cstdint>
#include <filesystem>

namespace uniad {

// Returns the minimum number of bytes that are missing at the end of a video, according to the length that
// its container states (MP4 and MOV, AVI, Matroska and WebM). Returns 0 if nothing is missing or if the
// container states no length. Demuxers report such an end like any other end, or find no stream, because the
// index of an MP4 file is usually stored after its frames.
std::uint64_t missing_bytes(const std::filesystem::path &video);

}  // namespace uniad
