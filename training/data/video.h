// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/preprocess/frame_view.h"

namespace uniad {

struct FrameCount {
  std::int64_t frames = 0;
  std::string error;      // why decoding stopped before the end; empty: it did not
  double frame_rate = 0;  // frames a second, as the video says; 0: it does not
  // Of the frames that were wanted, the positions of those that the decoder calls corrupt: parts are missing,
  // or they come before the first key frame. They are frames like the others, but nobody should learn them.
  std::vector<std::size_t> corrupt;
};

// Frames that GStreamer decodes from the file's first video stream, at most `limit`. They are decoded to be
// counted: containers and parsers are wrong about it (fields, packed frames, edit lists). Throws Error when
// there is none.
FrameCount count_frames(const std::filesystem::path &video, std::int64_t limit);

// Frames per second as the stream says; none where it does not (a variable rate). Throws Error when there is
// no video stream.
std::optional<double> frame_rate(const std::filesystem::path &video);

// Decodes the video once and calls `visitor` with every frame whose number is in `wanted` (ascending): its
// position there, and the frame as it was decoded, valid during the call. Returns how many of `wanted` there
// were; fewer only when decoding stopped early, then `error` says why. What `visitor` throws ends it.
FrameCount visit_frames(const std::filesystem::path &video, std::span<const std::int64_t> wanted,
                        const std::function<void(std::size_t position, const FrameView &frame)> &visitor);

}  // namespace uniad
