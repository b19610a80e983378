// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/pre_roll.h"

namespace uniad {

void PreRoll::drop_oldest() {
  bytes_ -= groups_.front().bytes;
  groups_.pop_front();
}

void PreRoll::add(const EncodedFrame &frame) {
  if (frame.is_key)
    groups_.emplace_back();
  else if (groups_.empty() || groups_.back().frames.back().stretch != frame.stretch)
    return;
  groups_.back().frames.push_back(frame);
  groups_.back().bytes += frame.bytes();
  bytes_ += frame.bytes();
  while (groups_.size() > 1 && groups_[1].frames.front().time + time_ <= frame.time) drop_oldest();
  while (!groups_.empty() && bytes_ > limit_) drop_oldest();
}

void PreRoll::clear() {
  groups_.clear();
  bytes_ = 0;
}

std::vector<EncodedFrame> PreRoll::frames() const {
  std::vector<EncodedFrame> frames;
  for (const Group &group : groups_) frames.insert(frames.end(), group.frames.begin(), group.frames.end());
  return frames;
}

}  // namespace uniad
