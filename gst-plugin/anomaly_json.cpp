// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/anomaly_json.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace uniad {

namespace {

using Json = nlohmann::ordered_json;

constexpr GstClockTime unix_epoch_in_ntp = G_GUINT64_CONSTANT(2208988800) * GST_SECOND;  // 1900 to 1970

// Nanoseconds since 1970, where whoever captured the buffer knew them.
std::optional<GstClockTime> wall_clock(GstBuffer *buffer) {
  gpointer state = nullptr;
  while (GstMeta *item =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_REFERENCE_TIMESTAMP_META_API_TYPE)) {
    const auto *meta = reinterpret_cast<GstReferenceTimestampMeta *>(item);
    if (gst_caps_get_size(meta->reference) == 0) continue;
    const GstStructure *reference = gst_caps_get_structure(meta->reference, 0);
    if (gst_structure_has_name(reference, "timestamp/x-unix")) return meta->timestamp;
    if (gst_structure_has_name(reference, "timestamp/x-ntp") && meta->timestamp >= unix_epoch_in_ntp)
      return meta->timestamp - unix_epoch_in_ntp;
  }
  return std::nullopt;
}

// Microseconds: more digits than many parsers of RFC 3339 take.
std::string rfc3339(GstClockTime since_1970) {
  GDateTime *time = g_date_time_new_from_unix_utc(static_cast<gint64>(since_1970 / GST_SECOND));
  gchar *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06uZ",
                static_cast<guint>(since_1970 % GST_SECOND / GST_USECOND));
  std::string text = std::string(seconds) + fraction.data();
  g_free(seconds);
  g_date_time_unref(time);
  return text;
}

// A float's own digits: 0.41, not 0.4099999964237213.
double millionths(float value) {
  return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

Json regions_json(const GstAnomalyMeta &meta) {
  Json regions = Json::array();
  for (guint i = 0; i < meta.n_regions; ++i) {
    const GstAnomalyRegion &region = meta.regions[i];
    regions.push_back({{"x", millionths(region.x)},
                       {"y", millionths(region.y)},
                       {"w", millionths(region.w)},
                       {"h", millionths(region.h)},
                       {"score", static_cast<double>(region.score)}});
  }
  return regions;
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

}  // namespace

std::string anomaly_json(const GstAnomalyMeta &meta, GstBuffer *buffer) {
  Json json{{"version", 1}, {"source", meta.source != nullptr ? meta.source : ""}};
  if (GST_BUFFER_PTS_IS_VALID(buffer)) json["pts"] = GST_BUFFER_PTS(buffer);
  if (const auto time = wall_clock(buffer)) json["time"] = rfc3339(*time);
  json["score"] = meta.score;
  if (meta.has_threshold) {
    json["threshold"] = meta.threshold;
    json["probability"] = meta.probability;
  }
  json["anomalous"] = meta.anomalous != FALSE;
  if (meta.unknown_scene) json["unknown_scene"] = true;
  json["age"] = GST_CLOCK_TIME_IS_VALID(meta.age) ? Json(meta.age) : Json();
  json["regions"] = regions_json(meta);
  const char *state = name_of(meta.event_state);
  if (meta.event_id != nullptr && state != nullptr)
    json["event"] = {{"id", meta.event_id}, {"kind", "anomaly"}, {"state", state}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace uniad
