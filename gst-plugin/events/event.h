// SPDX-License-Identifier: Apache-2.0
// An anomaly event, and the GstStructure that represents it in messages and in the stream.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// The name of the GstStructure in messages and in events of the stream.
inline constexpr const char *event_structure_name = "uniad-event";

// Kinds of events.
inline constexpr const char *anomaly_kind = "anomaly";
inline constexpr const char *unknown_scene_kind = "unknown-scene";
inline constexpr const char *motion_kind = "motion";
inline constexpr const char *stopped_kind = "stopped";

// The upstream query that a detector answers.
GstQuery *new_query_for_detector();
bool asks_for_detector(GstQuery *query);

inline constexpr GstAnomalyMoment unknown_moment{GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE};

// An event and its state.
struct Event {
  std::string id;
  std::string kind = anomaly_kind;
  std::string zone;  // empty: the whole frame
  GstAnomalyEventState state = GST_ANOMALY_EVENT_NONE;
  std::string reason;  // why it ended, if the scene did not end it: eos, flush, stopped, lost, changed
  std::string source;
  std::string session;

  // The frame that the state refers to.
  GstAnomalyMoment moment = unknown_moment;
  GstAnomalyTimeSource time_source = GST_ANOMALY_TIME_UNKNOWN;
  double score = 0;
  std::optional<double> threshold;
  bool unknown_scene = false;
  std::vector<GstAnomalyRegion> regions;
  bool on_frame = false;                         // the metadata of a frame also has this state
  GstClockTime frame_pts = GST_CLOCK_TIME_NONE;  // of the first such frame

  GstAnomalyMoment begin = unknown_moment;
  GstAnomalyMoment peak = unknown_moment;
  double peak_score = 0;
  std::vector<GstAnomalyRegion> peak_regions;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  guint64 frames = 0;  // anomalous frames

  bool open() const { return state == GST_ANOMALY_EVENT_BEGIN || state == GST_ANOMALY_EVENT_ONGOING; }
};

// The time between two moments by the stream's timestamps, if both have one.
GstClockTime pts_between(const GstAnomalyMoment &begin, const GstAnomalyMoment &end);

// "begin", "ongoing", "end"; null outside an event.
const char *name_of(GstAnomalyEventState state);

GstStructure *event_structure(const Event &event);

// Absent if the structure is not an event.
std::optional<Event> event_of(const GstStructure *structure);

// The event as far as a frame's metadata describes it, without its regions.
Event event_of(const GstAnomalyMeta &meta);

}  // namespace uniad
