// SPDX-License-Identifier: Apache-2.0
// Decides which frames belong to which clip.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gst-plugin/events/event.h"
#include "gst-plugin/events/event_ledger.h"
#include "gst-plugin/record/clip_writer.h"
#include "gst-plugin/record/pre_roll.h"
#include "gst-plugin/record/segment_cutter.h"
#include "gst-plugin/record/settings.h"

namespace uniad {

// A clip begins with the key frame that is at least `pre_roll` older than the begin of an event, and ends
// `post_roll` after the end of the event. Events that begin before that share the clip. Beside the clips, or
// instead of them, all frames can go to segments.
class Recorder {
 public:
  // clips, segments: null for those that are not wanted
  Recorder(const RecordSettings &settings, std::unique_ptr<ClipWriter> clips,
           std::unique_ptr<SegmentCutter> segments);
  // Finishes what waits for the disk, for as long as `drain_time`.
  ~Recorder();
  Recorder(Recorder &&) = default;

  void take(const Event &event);
  void take(GstBuffer *buffer);

  // What follows cannot be in the same file.
  void change_to(GstCaps *caps);
  void interrupt();

  // The stream ends. reason: as in Event.
  void close(const char *reason);

  // An event has begun, and there is no key frame to begin the clip with.
  bool needs_key_frame() const { return clip_ && !clip_->stretch; }
  // The same for a segment; says so once.
  bool segment_needs_key_frame() { return segments_ && segments_->misses_key_frame(); }

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
  void end_clip(std::vector<Event> events);  // those since the newest frame
  void record(const EncodedFrame &frame);
  bool keeps_results() const { return segments_ || settings_.embed_results; }
  void follow_clip(const Event &event);
  void take_results(GstBuffer *buffer);
  EncodedFrame frame_of(GstBuffer *buffer, GstClockTime time);
  bool jumps_back(GstBuffer *buffer) const;
  void begin_stretch(const std::vector<Event> &events_before);

  RecordSettings settings_;
  std::unique_ptr<ClipWriter> clips_;
  std::unique_ptr<SegmentCutter> segments_;
  PreRoll pre_roll_;
  std::shared_ptr<const Stretch> stretch_;
  GstClockTime newest_ = GST_CLOCK_TIME_NONE;
  std::unique_ptr<OpenClip> clip_;
  std::set<std::string> cut_;  // events of which no more is recorded
  EventLedger ledger_;
  std::vector<Event> new_events_;  // since the newest frame
};

}  // namespace uniad
