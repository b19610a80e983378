// SPDX-License-Identifier: Apache-2.0
// Reads frames of videos.
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
#include "training/data/bit_depth.h"

namespace uniad {

struct FrameCount {
  std::int64_t frames = 0;
  std::string error;      // why reading stopped before the end; empty if it did not
  double frame_rate = 0;  // frames per second according to the video; 0: not known
};

// Called repeatedly with the number of frames that have been processed and their share of the file, 0 to 1.
using PassingFrames = std::function<void(std::int64_t frames, double share)>;

// Counts the frames of the file's first video stream, up to `limit`. Does not rely on headers. If every
// packet of the format is a frame, counts packets, at the speed of the disk. Otherwise (fields, hidden or
// packed frames), decodes the frames. Throws Error if there is no video stream, if the decoder is stuck, and
// on interruption.
FrameCount count_frames(const std::filesystem::path &video, std::int64_t limit,
                        const PassingFrames &passing = {});

// Returns the frame rate that the stream specifies, in frames per second; absent if it specifies none (a
// variable rate). Throws Error if there is no video stream.
std::optional<double> frame_rate(const std::filesystem::path &video);

struct FramesSeen {
  std::int64_t frames = 0;           // wanted frames, including damaged ones; fewer if decoding stopped early
  std::vector<std::size_t> damaged;  // positions of wanted frames that were not visited, ascending
  std::string damage;                // the decoder's last message about them
  std::string error;                 // why decoding stopped early; empty: the video has no more frames
};

// Called with the position of the next wanted frame, and with the number and the picture of a frame before
// it.
using BetweenFrames = std::function<void(std::size_t position, std::int64_t frame, const FrameView &picture)>;

// Decodes the video once. Calls `visitor` for every frame whose number is in `wanted` (ascending), with its
// position in `wanted` and the decoded frame, rotated according to the video's orientation tag. The frame is
// valid during the call. Damaged frames and all frames after them up to the next key frame are skipped.
// bit_depth: number of significant bits of 16-bit values (absent: all). depth: records the range of these
// values. An exception of `visitor` ends the visit. Throws Error if the decoder is stuck, and on
// interruption. between: see VisitListener::between.
FramesSeen visit_frames(const std::filesystem::path &video, std::span<const std::int64_t> wanted,
                        std::optional<int> bit_depth,
                        const std::function<void(std::size_t position, const FrameView &frame)> &visitor,
                        DepthSeen &depth, const PassingFrames &passing = {},
                        const BetweenFrames &between = {});

}  // namespace uniad
