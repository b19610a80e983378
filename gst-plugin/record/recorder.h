// SPDX-License-Identifier: Apache-2.0
// Decides which frames belong to which clip.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "gst-plugin/events/event.h"
#include "gst-plugin/record/clip_writer.h"
#include "gst-plugin/record/pre_roll.h"
#include "gst-plugin/record/settings.h"

namespace uniad {

// A clip begins with the key frame that is at least `pre_roll` older than the begin of an event, and ends
// `post_roll` after the end of the event. Events that begin before that share the clip.
class Recorder {
 public:
  Recorder(const RecordSettings &settings, std::unique_ptr<ClipWriter> writer);

  void take(const Event &event);
  void take(GstBuffer *buffer);

  // What follows cannot be in the same file.
  void change_to(GstCaps *caps);
  void interrupt();

  // The stream ends.
  void close();

  // An event has begun, and there is no key frame to begin the clip with.
  bool needs_key_frame() const { return clip_ && !clip_->stretch; }

 private:
  struct OpenClip {
    std::set<std::string> events;              // those that have not ended
    GstClockTime begin = GST_CLOCK_TIME_NONE;  // time of the first frame
    GstClockTime end = GST_CLOCK_TIME_NONE;    // unknown while an event lasts
    std::shared_ptr<const Stretch> stretch;    // of the newest frame; null: waits for a key frame
    GstClockTime key_shown = GST_CLOCK_TIME_NONE;
    bool key_follows_gap = false;
  };

  void begin_clip(const Event &event);
  void end_clip();
  void record(const EncodedFrame &frame);
  bool jumps_back(GstBuffer *buffer) const;

  RecordSettings settings_;
  std::unique_ptr<ClipWriter> writer_;
  PreRoll pre_roll_;
  std::shared_ptr<const Stretch> stretch_;
  GstClockTime newest_ = GST_CLOCK_TIME_NONE;
  std::unique_ptr<OpenClip> clip_;
  std::set<std::string> cut_;  // events of which no more is recorded
};

}  // namespace uniad
