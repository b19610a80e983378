// SPDX-License-Identifier: Apache-2.0
// Gives the frames of a file the results that belong to them.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/embed/frame_results.h"
#include "gst-plugin/events/event.h"
#include "gst-plugin/record/encoded_frame.h"
#include "gst-plugin/record/line_file.h"

namespace uniad {

// In H.264 and H.265, results are user data (SEI) of their frames; the coded picture stays as it is. With
// other codecs, they are lines of a file beside the recording, in the order of decoding.
class ResultCarrier {
 public:
  // beside: path of the file for codecs without user data
  ResultCarrier(const EncodedFrame &first, std::string beside);

  // Returns the frame before this one with its results; this one waits in case it is the last. Throws Error
  // if the file beside cannot be written, as does finish().
  std::optional<EncodedFrame> add(EncodedFrame frame);

  // Returns the last frame, with the states that came after it as well.
  std::optional<EncodedFrame> finish(const std::vector<Event> &events);

  bool has_frame() const { return frame_.has_value(); }

 private:
  std::vector<std::string> due_events(const EncodedFrame &frame);
  std::optional<EncodedFrame> release();

  std::optional<NalFormat> format_;
  std::string beside_;
  std::unique_ptr<LineFile> lines_;    // opened with the first result
  std::vector<Event> waiting_;         // for their frames
  std::optional<EncodedFrame> frame_;  // the newest, with its results
  FrameResults results_;
};

}  // namespace uniad
