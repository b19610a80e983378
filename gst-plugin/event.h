// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// What a structure of an event is called: in the message and in the stream.
inline constexpr const char *event_structure_name = "uniad-event";

// A query upstream, which a detector answers.
GstQuery *new_query_for_detector();
bool asks_for_detector(GstQuery *query);

inline constexpr GstAnomalyMoment unknown_moment{GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE};

// An event, and the state it has come to.
struct Event {
  std::string id;
  std::string kind = "anomaly";
  GstAnomalyEventState state = GST_ANOMALY_EVENT_NONE;
  std::string reason;  // of an end that is not the scene's own: eos, flush, stopped, lost, changed
  std::string source;
  std::string session;

  // The frame that the state is about.
  GstAnomalyMoment moment = unknown_moment;
  GstAnomalyTimeSource time_source = GST_ANOMALY_TIME_UNKNOWN;
  double score = 0;
  std::optional<double> threshold;
  bool unknown_scene = false;
  std::vector<GstAnomalyRegion> regions;
  GstClockTime frame_pts = GST_CLOCK_TIME_NONE;  // of the first frame that carries the state

  GstAnomalyMoment begin = unknown_moment;
  GstAnomalyMoment peak = unknown_moment;
  double peak_score = 0;
  std::vector<GstAnomalyRegion> peak_regions;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  guint64 frames = 0;  // anomalous ones

  bool open() const { return state == GST_ANOMALY_EVENT_BEGIN || state == GST_ANOMALY_EVENT_ONGOING; }
};

// From the one to the other by the stream's timestamps, where they tell.
GstClockTime pts_between(const GstAnomalyMoment &begin, const GstAnomalyMoment &end);

// "begin", "ongoing", "end"; null outside an event.
const char *name_of(GstAnomalyEventState state);

GstStructure *event_structure(const Event &event);

// Nothing where it is no state of an event.
std::optional<Event> event_of(const GstStructure *structure);

// As far as a frame tells; without its regions.
Event event_of(const GstAnomalyMeta &meta);

}  // namespace uniad
