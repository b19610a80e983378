// SPDX-License-Identifier: Apache-2.0
// Labeled events of videos, and metrics of the alarms for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/scoring/event_rule.h"

namespace uniad {

// Metrics by name; those that the data does not allow are absent.
//   image_auroc, image_ap, image_f1max                    scores of pictures or frames
//   pixel_auroc, pixel_ap, pixel_f1max, aupro, aupimo     anomaly maps at input size
//   frame_auroc                                           image_auroc of a video
//   threshold                                             the calibrated one
//   false_alarm_rate, detection_rate, precision           at the threshold: fraction of the normal pictures
//       or frames that raise an alarm (their score reaches the threshold, or they show an unknown scene), of
//       the abnormal ones that do, and of the alarms that are abnormal
using Figures = std::map<std::string, double>;

struct JudgedFrame {
  std::int64_t number = 0;  // of the decoded frame, from 0
  float score = 0;
  std::optional<bool> abnormal;  // absent: unlabeled
  bool alarm = false;            // the frame is anomalous; after apply_event_rules(): an operator is alarmed
};

// Frames of one video, their numbers ascending.
struct Timeline {
  std::filesystem::path video;
  std::optional<double> frame_rate;  // frames per second; absent: not known
  std::vector<JudgedFrame> frames;
};

// Adds a frame of a video to its timeline. Frames must come in order, one video after the other.
void add_frame(std::vector<Timeline> &timelines, const std::filesystem::path &video,
               const JudgedFrame &frame);

// Restricts the alarms of a video to those that uniaddetect would report: an event is open, and the frame is
// not below the release threshold. The first frames of an event, before it is confirmed, raise no alarm.
void apply_event_rules(Timeline &timeline, std::optional<double> threshold, const EventRules &rules);

// The hold time in seconds, which also joins labeled frames to events.
double gap_of(const EventRules &rules);

// A run of frames, both ends inclusive.
struct Run {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// Joins frames that are at most `gap` seconds apart into runs (neighbors are always joined; if the frame rate
// is not known, the gap is 25 frames). Unlabeled frames are in no run.
std::vector<Run> labeled_events(const Timeline &timeline, double gap);  // of abnormal frames
// Runs of frames with an alarm. A run ends where it comes within the gap of an event or leaves that range, so
// that an alarm that is always on does not count as correct.
std::vector<Run> alarms(const Timeline &timeline, double gap);

// Compares the alarms of videos with their labeled events:
//   events, found     labeled events; those that contain a frame with an alarm
//   alarms, false     alarms; those without a frame inside any event
//   recall            found / events
//   precision         (alarms - false) / alarms
//   delay_frames      from an event's first frame to its first alarm, mean over the events found
//   delay_seconds     the same in seconds
//   false_alarms_per_hour   per hour of footage outside events
// Ratios with a denominator of zero are absent, and so are the last two if a frame rate is not known, and all
// of them if no frame is labeled.
Figures event_figures(std::span<const Timeline> timelines, double gap);

}  // namespace uniad
