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
};

// Called with the index of the item and its picture, valid during the call.
using Visitor = std::function<void(std::size_t index, const FrameView &frame)>;

// Hands the picture of every item to `visitor`, on the calling thread and in the order of the list, while
// worker threads decode what comes next. Pictures come as BGR, 8 bit (OpenCV's IMREAD_COLOR: grey becomes
// three equal channels, 16 bits become 8, alpha is dropped, EXIF rotation is applied); video frames come as
// GStreamer decodes them. Runs of frames of one video are decoded in one pass. Memory: a few pictures or
// frames. Items that cannot be read are skipped and returned. What `visitor` throws ends the visit.
std::vector<Unread> visit_items(std::span<const Item> items, const Visitor &visitor);

}  // namespace uniad
