// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/event.h"

#include <string_view>

namespace uniad {

namespace {

constexpr const char *detector_query_name = "uniad-detector";

void set_regions(GstStructure *structure, const char *field, const std::vector<GstAnomalyRegion> &regions) {
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, static_cast<guint>(regions.size()));
  for (const auto &region : regions) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, GST_TYPE_STRUCTURE);
    GstStructure *fields = gst_structure_new(
        "region", "x", G_TYPE_DOUBLE, static_cast<double>(region.x), "y", G_TYPE_DOUBLE,
        static_cast<double>(region.y), "w", G_TYPE_DOUBLE, static_cast<double>(region.w), "h", G_TYPE_DOUBLE,
        static_cast<double>(region.h), "score", G_TYPE_DOUBLE, static_cast<double>(region.score), nullptr);
    if (region.zone != nullptr) gst_structure_set(fields, "zone", G_TYPE_STRING, region.zone, nullptr);
    if (region.kind != nullptr) gst_structure_set(fields, "kind", G_TYPE_STRING, region.kind, nullptr);
    g_value_take_boxed(&item, fields);
    gst_value_array_append_and_take_value(&array, &item);
  }
  gst_structure_take_value(structure, field, &array);
}

std::vector<GstAnomalyRegion> regions_of(const GstStructure *structure, const char *field) {
  std::vector<GstAnomalyRegion> regions;
  const GValue *array = gst_structure_get_value(structure, field);
  if (array == nullptr || !GST_VALUE_HOLDS_ARRAY(array)) return regions;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i) {
    const GValue *item = gst_value_array_get_value(array, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(item)) continue;
    const auto number = [fields = gst_value_get_structure(item)](const char *name) {
      double value = 0;
      gst_structure_get_double(fields, name, &value);
      return static_cast<float>(value);
    };
    regions.push_back({number("x"), number("y"), number("w"), number("h"), number("score"),
                       g_intern_string(gst_structure_get_string(gst_value_get_structure(item), "zone")),
                       g_intern_string(gst_structure_get_string(gst_value_get_structure(item), "kind"))});
  }
  return regions;
}

std::string text_of(const GstStructure *structure, const char *field) {
  const char *text = gst_structure_get_string(structure, field);
  return text != nullptr ? text : "";
}

const char *name_of(GstAnomalyTimeSource source) {
  if (source == GST_ANOMALY_TIME_CAMERA) return "camera";
  return source == GST_ANOMALY_TIME_ARRIVAL ? "arrival" : "unknown";
}

GstAnomalyTimeSource time_source_named(std::string_view name) {
  if (name == "camera") return GST_ANOMALY_TIME_CAMERA;
  return name == "arrival" ? GST_ANOMALY_TIME_ARRIVAL : GST_ANOMALY_TIME_UNKNOWN;
}

GstAnomalyEventState state_named(std::string_view name) {
  if (name == "begin") return GST_ANOMALY_EVENT_BEGIN;
  if (name == "update") return GST_ANOMALY_EVENT_ONGOING;
  return name == "end" ? GST_ANOMALY_EVENT_END : GST_ANOMALY_EVENT_NONE;
}

}  // namespace

GstQuery *new_query_for_detector() {
  return gst_query_new_custom(GST_QUERY_CUSTOM, gst_structure_new_empty(detector_query_name));
}

bool asks_for_detector(GstQuery *query) {
  const GstStructure *structure = gst_query_get_structure(query);
  return GST_QUERY_TYPE(query) == GST_QUERY_CUSTOM && structure != nullptr &&
         gst_structure_has_name(structure, detector_query_name);
}

GstClockTime pts_between(const GstAnomalyMoment &begin, const GstAnomalyMoment &end) {
  const bool known = GST_CLOCK_TIME_IS_VALID(begin.pts) && GST_CLOCK_TIME_IS_VALID(end.pts);
  return known && end.pts >= begin.pts ? end.pts - begin.pts : GST_CLOCK_TIME_NONE;
}

const char *name_of(GstAnomalyEventState state) {
  switch (state) {
    case GST_ANOMALY_EVENT_BEGIN:
      return "begin";
    case GST_ANOMALY_EVENT_ONGOING:
      return "ongoing";
    case GST_ANOMALY_EVENT_END:
      return "end";
    case GST_ANOMALY_EVENT_NONE:
      break;
  }
  return nullptr;
}

GstStructure *event_structure(const Event &event) {
  const bool is_update = event.state == GST_ANOMALY_EVENT_ONGOING;
  GstStructure *structure = gst_structure_new(
      event_structure_name, "id", G_TYPE_STRING, event.id.c_str(), "kind", G_TYPE_STRING, event.kind.c_str(),
      "state", G_TYPE_STRING, is_update ? "update" : name_of(event.state), "source", G_TYPE_STRING,
      event.source.c_str(), "session", G_TYPE_STRING, event.session.c_str(), "pts", G_TYPE_UINT64,
      event.moment.pts, "time", G_TYPE_UINT64, event.moment.time, "time-source", G_TYPE_STRING,
      name_of(event.time_source), "on-frame", G_TYPE_BOOLEAN, event.on_frame ? TRUE : FALSE, "frame-pts",
      G_TYPE_UINT64, event.frame_pts, "score", G_TYPE_DOUBLE, event.score, "threshold", G_TYPE_DOUBLE,
      event.threshold.value_or(0.0), "unknown-scene", G_TYPE_BOOLEAN, event.unknown_scene ? TRUE : FALSE,
      "begin-pts", G_TYPE_UINT64, event.begin.pts, "begin-time", G_TYPE_UINT64, event.begin.time,
      "peak-score", G_TYPE_DOUBLE, event.peak_score, "peak-pts", G_TYPE_UINT64, event.peak.pts, "peak-time",
      G_TYPE_UINT64, event.peak.time, "duration", G_TYPE_UINT64, event.duration, "frames", G_TYPE_UINT64,
      event.frames, nullptr);
  set_regions(structure, "regions", event.regions);
  set_regions(structure, "peak-regions", event.peak_regions);
  if (!event.zone.empty()) gst_structure_set(structure, "zone", G_TYPE_STRING, event.zone.c_str(), nullptr);
  if (!event.reason.empty())
    gst_structure_set(structure, "reason", G_TYPE_STRING, event.reason.c_str(), nullptr);
  return structure;
}

std::optional<Event> event_of(const GstStructure *structure) {
  if (structure == nullptr || !gst_structure_has_name(structure, event_structure_name)) return std::nullopt;
  Event event;
  event.id = text_of(structure, "id");
  event.state = state_named(text_of(structure, "state"));
  if (event.id.empty() || event.state == GST_ANOMALY_EVENT_NONE) return std::nullopt;
  event.kind = text_of(structure, "kind");
  event.zone = text_of(structure, "zone");
  event.reason = text_of(structure, "reason");
  event.source = text_of(structure, "source");
  event.session = text_of(structure, "session");
  event.time_source = time_source_named(text_of(structure, "time-source"));
  const auto read_time = [structure](const char *field, GstClockTime &time) {
    gst_structure_get_uint64(structure, field, &time);
  };
  read_time("pts", event.moment.pts);
  read_time("time", event.moment.time);
  read_time("frame-pts", event.frame_pts);
  read_time("begin-pts", event.begin.pts);
  read_time("begin-time", event.begin.time);
  read_time("peak-pts", event.peak.pts);
  read_time("peak-time", event.peak.time);
  read_time("duration", event.duration);
  read_time("frames", event.frames);
  gst_structure_get_double(structure, "score", &event.score);
  gst_structure_get_double(structure, "peak-score", &event.peak_score);
  double threshold = 0;
  if (gst_structure_get_double(structure, "threshold", &threshold) != FALSE) event.threshold = threshold;
  const auto is_set = [structure](const char *field) {
    gboolean value = FALSE;
    return gst_structure_get_boolean(structure, field, &value) != FALSE && value != FALSE;
  };
  event.unknown_scene = is_set("unknown-scene");
  event.on_frame = is_set("on-frame");
  event.regions = regions_of(structure, "regions");
  event.peak_regions = regions_of(structure, "peak-regions");
  return event;
}

Event event_of(const GstAnomalyMeta &meta) {
  Event event;
  event.id = meta.event_id != nullptr ? meta.event_id : "";
  event.state = meta.event_state;
  if (meta.event_kind != nullptr) event.kind = meta.event_kind;
  if (meta.event_zone != nullptr) event.zone = meta.event_zone;
  event.source = meta.source != nullptr ? meta.source : "";
  event.session = meta.session != nullptr ? meta.session : "";
  event.moment = meta.event_moment;
  event.time_source = meta.time_source;
  event.score = meta.score;
  if (meta.has_threshold) event.threshold = meta.threshold;
  event.unknown_scene = meta.unknown_scene != FALSE;
  event.begin = meta.event_begin;
  event.peak = meta.event_peak;
  event.peak_score = meta.event_peak_score;
  event.frames = meta.event_frames;
  event.duration = pts_between(event.begin, event.moment);
  return event;
}

}  // namespace uniad
