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

// Called repeatedly with the number of frames passed so far and their share of the file, 0 to 1.
using PassingFrames = std::function<void(std::int64_t frames, double share)>;

// Counts the frames of the file's first video stream, up to `limit`. Headers are not trusted. If each packet
// of the format is a frame, packets are counted, at the speed of the disk; otherwise (fields, hidden and
// packed frames) frames are decoded. Throws Error if there is no video stream, if the decoder is stuck, and
// on interruption.
FrameCount count_frames(const std::filesystem::path &video, std::int64_t limit,
                        const PassingFrames &passing = {});

// Frames per second according to the stream; absent if it does not specify it (a variable rate). Throws Error
// if there is no video stream.
std::optional<double> frame_rate(const std::filesystem::path &video);

struct FramesSeen {
  std::int64_t frames =
      0;  // number of wanted frames, including damaged ones; fewer only if decoding stopped early
  std::vector<std::size_t> damaged;  // positions of wanted frames that were not visited, ascending
  std::string damage;                // the decoder's last message about them
  std::string error;                 // why decoding stopped early; empty: the video has no more frames
};

// Decodes the video once and calls `visitor` for every frame whose number is in `wanted` (ascending), rotated
// according to the video's orientation tag, with its position in `wanted` and the decoded frame, which is
// valid during the call. Damaged frames are skipped, and so are those after them up to the next key frame.
// bit_depth: number of significant bits of 16-bit values (absent: all); depth receives the values. Exceptions
// of `visitor` end the visit. Throws Error if the decoder is stuck, and on interruption.
FramesSeen visit_frames(const std::filesystem::path &video, std::span<const std::int64_t> wanted,
                        std::optional<int> bit_depth,
                        const std::function<void(std::size_t position, const FrameView &frame)> &visitor,
                        DepthSeen &depth, const PassingFrames &passing = {});

}  // namespace uniad
