// SPDX-License-Identifier: Apache-2.0
// A clip of an event, or a segment of a continuous recording, and what is reported about it.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>
#include <vector>

namespace uniad {

// A file, or part of one if the stream changes during the clip.
struct Clip {
  std::string path;
  std::string source;
  std::vector<std::string> events;          // ids; empty for a segment
  GstClockTime time = GST_CLOCK_TIME_NONE;  // when the first event or the segment began, in UTC since 1970
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  GstClockTime duration = 0;

  bool is_segment() const { return events.empty(); }
};

struct ClipReport {
  enum class Kind {
    opened,
    finished,
    failing,        // the first clip of an outage cannot be written
    index_failing,  // neither can the index of the segments
    too_slow,       // frames are lost because the disk is slower than the stream
    empty,          // there was no key frame during the event
    stopped,        // what waited at the stop was not written
  };
  Kind kind;
  Clip clip = {};
  std::string reason = {};
};

}  // namespace uniad
