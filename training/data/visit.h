// SPDX-License-Identifier: Apache-2.0
// Visits the pictures and frames of the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/preprocess/frame_view.h"
#include "training/data/source.h"

namespace uniad {

// An item that could not be read, and why: "broken/000.png: not a picture that can be read (...)".
struct Unread {
  std::size_t index = 0;
  std::string reason;
  std::string cause;  // for a video's frame: the reason without the frame's name
};

// Called with the index of the item and its picture, valid during the call.
using Visitor = std::function<void(std::size_t index, const FrameView &frame)>;

// Other reports of a visit, on the calling thread.
struct VisitListener {
  std::function<void(const std::string &warning)> warning;  // a warning about the data for the user
  // Frames of a video that are decoded but not visited: "cam0.mp4, frame 500".
  std::function<void(const std::string &where)> passing;
  // The pictures of these frames, with their numbers; index: of the next item that is visited. Frames of 16
  // bits are left out.
  std::function<void(std::size_t index, std::int64_t frame, const FrameView &picture)> between{};
};

// Passes the picture of every item to `visitor`, on the calling thread and in the order of the list, while
// worker threads decode the next items. Pictures are 8-bit BGR (gray becomes three equal channels, 16 bits,
// or Item::bit_depth of them, become 8, alpha is dropped, EXIF rotation is applied). Video frames are as
// decoded by GStreamer, rotated according to the video's orientation tag. Consecutive frames of one video are
// decoded in one pass. Memory: a few pictures or frames. Items that are damaged or cannot be read are skipped
// and returned. Exceptions of `visitor` end the visit. Throws Error if a video's decoder is stuck, and on
// interruption.
std::vector<Unread> visit_items(std::span<const Item> items, const Visitor &visitor,
                                const VisitListener &listener = {});

}  // namespace uniad
