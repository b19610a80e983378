// SPDX-License-Identifier: Apache-2.0
// The results that a recorded frame carries, as JSON lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gst-plugin/embed/access_unit.h"

namespace uniad {

// The user data of UniAD-GST: 787faed2-70ac-44f8-bb5c-07b133703408.
inline constexpr Uuid results_uuid{0x78, 0x7f, 0xae, 0xd2, 0x70, 0xac, 0x44, 0xf8,
                                   0xbb, 0x5c, 0x07, 0xb1, 0x33, 0x70, 0x34, 0x08};

// Lines of version 1 (docs/json-lines.schema.json), without newlines.
struct FrameResults {
  std::vector<std::string> events_before;  // states that became known before the frame
  std::vector<std::string> frames;         // one for each detector
  std::vector<std::string> events_after;   // at the end of a recording
  std::size_t damaged = 0;                 // lines that could not be read

  bool empty() const { return events_before.empty() && frames.empty() && events_after.empty(); }
};

// The results as text: each line with a newline, in this order.
std::string text_of(const FrameResults &results);

// The results from such a text, which may be anything.
FrameResults results_of(std::string_view text);

}  // namespace uniad
