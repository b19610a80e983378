// SPDX-License-Identifier: Apache-2.0
// Decides which frames belong to which segment of a continuous recording.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gst-plugin/record/clip_writer.h"
#include "gst-plugin/record/encoded_frame.h"

namespace uniad {

// Each frame from the first key frame on belongs to exactly one segment, which begins with a key frame. A
// segment ends with the first key frame that is `length` later, and where one file cannot go on.
class SegmentCutter {
 public:
  SegmentCutter(GstClockTime length, std::string source, std::unique_ptr<ClipWriter> writer);

  // source: its name for the segments that begin from now on.
  void set_source(const std::string &source);

  void take(const EncodedFrame &frame);
  // What follows cannot be in the same file. events: those that came after the last frame.
  void interrupt(std::vector<Event> events);

  // Returns whether a key frame should be asked for, once each time that one is missing.
  bool misses_key_frame();

  ClipWriter &writer() { return *writer_; }

 private:
  void begin(const EncodedFrame &frame);
  void skip(const EncodedFrame &frame);
  void keep(const std::vector<Event> &events);

  GstClockTime length_;
  std::string source_;
  std::unique_ptr<ClipWriter> writer_;
  std::shared_ptr<const Stretch> stretch_;  // of the segment; null: there is none, and a key frame is awaited
  GstClockTime begin_ = 0;
  std::vector<Event> waiting_;  // came while there was no segment
  bool has_begun_ = false;
  bool misses_key_frame_ = false;
  bool has_asked_ = false;
};

}  // namespace uniad
