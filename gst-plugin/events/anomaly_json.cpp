// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/anomaly_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "gst-plugin/events/wall_clock.h"
#include "model/base/json_text.h"

namespace uniad {

namespace {

using Json = nlohmann::ordered_json;

// Rounds a float to the digits that it represents: 0.41, not 0.4099999964237213.
double millionths(float value) {
  return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

Json regions_json(std::span<const GstAnomalyRegion> regions) {
  Json json = Json::array();
  for (const GstAnomalyRegion &region : regions) {
    json.push_back({{"x", millionths(region.x)},
                    {"y", millionths(region.y)},
                    {"w", millionths(region.w)},
                    {"h", millionths(region.h)},
                    {"score", static_cast<double>(region.score)}});
    if (region.zone != nullptr) json.back()["zone"] = region.zone;
    if (region.kind != nullptr) json.back()["kind"] = region.kind;
  }
  return json;
}

void add_time(Json &json, WallTime wall) {
  if (wall.source == GST_ANOMALY_TIME_UNKNOWN) return;
  json["time"] = rfc3339(wall.time);
  json["time_source"] = wall.source == GST_ANOMALY_TIME_CAMERA ? "camera" : "arrival";
}

void add_moment(Json &json, const GstAnomalyMoment &moment) {
  if (GST_CLOCK_TIME_IS_VALID(moment.pts)) json["pts"] = moment.pts;
  if (GST_CLOCK_TIME_IS_VALID(moment.time)) json["time"] = rfc3339(moment.time);
}

Json moment_json(const GstAnomalyMoment &moment, const std::optional<FilePlace> &place) {
  Json json = Json::object();
  add_moment(json, moment);
  if (place) {
    json["file"] = place->file;
    json["offset"] = place->offset;
  }
  return json;
}

Json peak_json(const Event &event) {
  Json json{{"score", event.peak_score}};
  add_moment(json, event.peak);
  if (!event.peak_regions.empty()) json["regions"] = regions_json(event.peak_regions);
  return json;
}

std::string frame_json(const GstAnomalyMeta &meta, GstClockTime pts, GstBuffer *buffer,
                       GstAnomalyEventState event_state) {
  Json json{{"version", 1}, {"source", meta.source != nullptr ? meta.source : ""}};
  if (meta.session != nullptr) json["session"] = meta.session;
  if (GST_CLOCK_TIME_IS_VALID(pts)) json["pts"] = pts;
  const bool told = meta.time_source != GST_ANOMALY_TIME_UNKNOWN;
  add_time(json, told ? WallTime{meta.time, meta.time_source} : camera_time(buffer));
  json["score"] = meta.score;
  if (meta.has_threshold) {
    json["threshold"] = meta.threshold;
    json["probability"] = meta.probability;
  }
  json["anomalous"] = meta.anomalous != FALSE;
  if (meta.raised_by != nullptr) json["raised_by"] = meta.raised_by;
  if (meta.unknown_scene) json["unknown_scene"] = true;
  if (meta.has_motion) {
    json["motion_score"] = meta.motion_score;
    json["motion_threshold"] = meta.motion_threshold;
    if (meta.motion_score >= meta.motion_threshold) json["motion_anomalous"] = true;
  }
  if (meta.has_combined_score) json["combined_score"] = meta.combined_score;
  json["age"] = GST_CLOCK_TIME_IS_VALID(meta.age) ? Json(meta.age) : Json();
  json["regions"] = regions_json({meta.regions, meta.n_regions});
  const char *state = name_of(event_state);
  if (meta.event_id != nullptr && state != nullptr) {
    json["event"] = {{"id", meta.event_id},
                     {"kind", meta.event_kind != nullptr ? meta.event_kind : anomaly_kind},
                     {"state", state}};
    if (meta.event_zone != nullptr) json["event"]["zone"] = meta.event_zone;
  }
  return json_text(json);
}

}  // namespace

std::string anomaly_json(const GstAnomalyMeta &meta, GstBuffer *buffer, GstAnomalyEventState event_state) {
  return frame_json(meta, GST_BUFFER_PTS(buffer), buffer, event_state);
}

std::string anomaly_json_at_detector(const GstAnomalyMeta &meta, GstBuffer *buffer) {
  return frame_json(meta, meta.pts, buffer, meta.event_state);
}

std::string event_json(const Event &event, const SnapshotPaths &snapshot, const EventPlaces &places) {
  Json json{{"version", 1}, {"type", "event"}, {"source", event.source}};
  if (!event.session.empty()) json["session"] = event.session;
  if (GST_CLOCK_TIME_IS_VALID(event.moment.pts)) json["pts"] = event.moment.pts;
  if (GST_CLOCK_TIME_IS_VALID(event.moment.time)) add_time(json, {event.moment.time, event.time_source});
  const bool is_update = event.state == GST_ANOMALY_EVENT_ONGOING;
  Json body{{"id", event.id}, {"kind", event.kind}, {"state", is_update ? "update" : name_of(event.state)}};
  if (!event.zone.empty()) body["zone"] = event.zone;
  body["begin"] = moment_json(event.begin, places.begin);
  if (event.state == GST_ANOMALY_EVENT_END) body["end"] = moment_json(event.moment, places.end);
  if (event.state != GST_ANOMALY_EVENT_BEGIN && GST_CLOCK_TIME_IS_VALID(event.duration))
    body["duration"] = event.duration;
  body["peak"] = peak_json(event);
  if (event.threshold) body["threshold"] = *event.threshold;
  body["frames"] = event.frames;
  if (!event.reason.empty()) body["reason"] = event.reason;
  if (!snapshot.frame.empty()) body["snapshot"] = snapshot.frame;
  if (!snapshot.overlay.empty()) body["snapshot_overlay"] = snapshot.overlay;
  json["event"] = std::move(body);
  return json_text(json);
}

}  // namespace uniad
