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
#include "training/data/bit_depth.h"

namespace uniad {

struct FrameCount {
  std::int64_t frames = 0;
  std::string error;      // why reading stopped before the end; empty: it did not
  double frame_rate = 0;  // frames a second, as the video says; 0: it does not
};

// Called now and then, with how many frames were passed and which share of the file they are, 0 to 1.
using PassingFrames = std::function<void(std::int64_t frames, double share)>;

// The frames of the file's first video stream, at most `limit`. Headers are not believed. Where each packet
// of the format is a frame, packets are counted, at the speed of the disk; else (fields, hidden and packed
// frames) frames are decoded. Throws Error when there is none, where the decoder stalls and when interrupted.
FrameCount count_frames(const std::filesystem::path &video, std::int64_t limit,
                        const PassingFrames &passing = {});

// Frames per second as the stream says; none where it does not (a variable rate). Throws Error when there is
// no video stream.
std::optional<double> frame_rate(const std::filesystem::path &video);

struct FramesSeen {
  std::int64_t frames =
      0;  // of those wanted, damaged ones among them; fewer only where decoding stopped early
  std::vector<std::size_t> damaged;  // positions of wanted frames that were not visited, ascending
  std::string damage;                // what the decoder last said of them
  std::string error;                 // why decoding stopped early; empty: the video has no more frames
};

// Decodes the video once and calls `visitor` with every frame whose number is in `wanted` (ascending), turned
// as the video's orientation tag says: its position there, and the frame as it was decoded, valid during the
// call. Frames that the decoder could not read whole are passed over, and so are those after them until the
// next that needs no other. Of values of 16 bits, `bit_depth` are used (absent: all); `depth` hears of them.
// What `visitor` throws ends it. Throws Error where the decoder stalls and when interrupted.
FramesSeen visit_frames(const std::filesystem::path &video, std::span<const std::int64_t> wanted,
                        std::optional<int> bit_depth,
                        const std::function<void(std::size_t position, const FrameView &frame)> &visitor,
                        DepthSeen &depth, const PassingFrames &passing = {});

}  // namespace uniad
