// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uniad {

struct JudgedFrame {
  std::int64_t number = 0;  // as decoded, from 0
  float score = 0;
  std::optional<bool> abnormal;  // absent: unlabelled
  bool alarm = false;
};

// Frames of one video, their numbers ascending.
struct Timeline {
  std::filesystem::path video;
  std::optional<double> frame_rate;  // frames per second; absent: not known
  std::vector<JudgedFrame> frames;
};

// Frames that belong together, both ends included.
struct Run {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// Runs of frames that are at most `gap` seconds apart (at least: neighbours; where the frame rate is not
// known: 25 frames). Unlabelled frames are in no run.
std::vector<Run> labelled_events(const Timeline &timeline, double gap);  // of abnormal frames
// Of alarming ones. A run ends where it comes within the gap of an event or leaves it: an alarm that is
// always on is not right.
std::vector<Run> alarms(const Timeline &timeline, double gap);

// Holds the alarms of videos against their labelled events:
//   events, found     labelled events; those with an alarming frame between their first and last frame
//   alarms, false     alarms; those without a frame inside any event
//   recall            found / events
//   precision         (alarms - false) / alarms
//   delay_frames      from an event's first frame to its first alarming one, mean over those found
//   delay_seconds     the same in seconds
//   false_alarms_per_hour   per hour of footage outside events
// What there is nothing to divide by is absent; so are the last two unless all frame rates are known, and
// everything where no frame is labelled.
std::map<std::string, double> event_figures(std::span<const Timeline> timelines, double gap);

}  // namespace uniad
