// SPDX-License-Identifier: Apache-2.0
// The index of a continuous recording: where its segments and events are.
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/events/anomaly_json.h"
#include "gst-plugin/events/event.h"
#include "gst-plugin/record/clip.h"
#include "gst-plugin/record/encoded_frame.h"
#include "gst-plugin/record/index_file.h"

namespace uniad {

// Writes JSON lines to index.jsonl in the folder. A segment has a line when it begins and, unless the process
// is killed, one when it ends:
//
//   {"version":1,"type":"segment","source":"gate","segment":{"file":"gate-20260301T061200Z-segment.mp4",
//    "state":"end","begin":{"pts":0,"time":"2026-03-01T06:12:00.000000Z"},"end":{...},"duration":60000000000,
//    "frames":1500,"bytes":30000000}}
//
// An event has one when it begins and one when it ends, as uniadpublish writes them, with `file` and `offset`
// in `begin` and `end`. Times of segments are those of the detector where its results come with the frames.
// Each function that writes throws Error if the file cannot be written; the lines are kept and written later.
class SegmentIndex {
 public:
  explicit SegmentIndex(const std::string &folder) : file_(folder) {}

  void open(const Clip &segment, const EncodedFrame &first);
  // A frame of the segment, with the events that came before it.
  void add(const EncodedFrame &frame);
  void add(const std::vector<Event> &events);
  void finish(const Clip &segment);

 private:
  // What a segment contains, by timestamps at this element.
  struct Span {
    std::string file;
    GstClockTime first, last, end;      // shown; last: of the newest frame
    GstClockTime begin_time, end_time;  // UTC
    std::shared_ptr<const Stretch> stretch;
  };

  void learn_shift(GstClockTime shown, GstClockTime at_detector, const EncodedFrame &frame);
  GstClockTime at_detector(GstClockTime shown) const;
  std::optional<FilePlace> place_of(GstClockTime pts) const;
  std::string segment_line(const Clip &segment, const char *state) const;

  IndexFile file_;
  std::deque<Span> spans_;                 // the newest is the last
  std::optional<GstClockTimeDiff> shift_;  // what encoders add to the detector's timestamps
  std::shared_ptr<const Stretch> shift_of_;
  std::map<std::string, std::optional<FilePlace>> begins_;  // of events that have not ended
};

}  // namespace uniad
