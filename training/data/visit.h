// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/preprocess/frame_view.h"
#include "training/data/source.h"

namespace uniad {

// An item that gave no picture, and why: "broken/000.png: not a picture that can be read (...)".
struct Unread {
  std::size_t index = 0;
  std::string reason;
  std::string cause;  // of a video's frame: the reason without the frame's name
};

// Called with the index of the item and its picture, valid during the call.
using Visitor = std::function<void(std::size_t index, const FrameView &frame)>;

// What happens beside the pictures; on the calling thread.
struct VisitListener {
  std::function<void(const std::string &remark)> remark;  // what the user should know of the data
  // Frames of a video that are decoded and not visited go by: "cam0.mp4, frame 500".
  std::function<void(const std::string &where)> passing;
};

// Hands the picture of every item to `visitor`, on the calling thread and in the order of the list, while
// worker threads decode what comes next. Pictures come as BGR, 8 bit (grey becomes three equal channels, 16
// bits, or Item::bit_depth of them, become 8, alpha is dropped, EXIF rotation is applied); video frames come
// as GStreamer decodes them, turned by the video's orientation tag. Runs of frames of one video are decoded
// in one pass. Memory: a few pictures or frames. Items that cannot be read, or not without damage, are
// skipped and returned. What `visitor` throws ends the visit. Throws Error where a video's decoder stalls,
// and when interrupted.
std::vector<Unread> visit_items(std::span<const Item> items, const Visitor &visitor,
                                const VisitListener &listener = {});

}  // namespace uniad
