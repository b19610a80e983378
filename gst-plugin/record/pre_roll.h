// SPDX-License-Identifier: Apache-2.0
// The newest part of the stream, in whole groups of pictures.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "gst-plugin/record/encoded_frame.h"

namespace uniad {

// Keeps the frames from the last key frame on that is at least `time` old. If they need more than `bytes`,
// the oldest groups of pictures go first.
class PreRoll {
 public:
  PreRoll(GstClockTime time, std::size_t bytes) : time_(time), limit_(bytes) {}

  // Frames before the first key frame cannot be decoded and are left out.
  void add(const EncodedFrame &frame);
  void clear();

  // Begins with a key frame; empty if there has been none.
  std::vector<EncodedFrame> frames() const;
  std::size_t bytes() const { return bytes_; }

 private:
  struct Group {
    std::deque<EncodedFrame> frames;
    std::size_t bytes = 0;
  };
  void drop_oldest();

  GstClockTime time_;
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::deque<Group> groups_;
};

}  // namespace uniad
