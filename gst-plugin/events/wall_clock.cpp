// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/wall_clock.h"

#include <array>
#include <cstdio>

namespace uniad {

namespace {

constexpr GstClockTime unix_epoch_in_ntp = G_GUINT64_CONSTANT(2208988800) * GST_SECOND;  // from 1900 to 1970

}  // namespace

WallTime camera_time(GstBuffer *buffer) {
  gpointer state = nullptr;
  while (GstMeta *item =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_REFERENCE_TIMESTAMP_META_API_TYPE)) {
    const auto *meta = reinterpret_cast<GstReferenceTimestampMeta *>(item);
    if (gst_caps_get_size(meta->reference) == 0) continue;
    const GstStructure *reference = gst_caps_get_structure(meta->reference, 0);
    if (gst_structure_has_name(reference, "timestamp/x-unix"))
      return {meta->timestamp, GST_ANOMALY_TIME_CAMERA};
    if (gst_structure_has_name(reference, "timestamp/x-ntp") && meta->timestamp >= unix_epoch_in_ntp)
      return {meta->timestamp - unix_epoch_in_ntp, GST_ANOMALY_TIME_CAMERA};
  }
  return {};
}

WallTime camera_or_arrival_time(GstBuffer *buffer, GstClockTime age) {
  const WallTime camera = camera_time(buffer);
  if (camera.source != GST_ANOMALY_TIME_UNKNOWN) return camera;
  return {static_cast<GstClockTime>(g_get_real_time()) * GST_USECOND - age, GST_ANOMALY_TIME_ARRIVAL};
}

// Uses microseconds, because many parsers of RFC 3339 do not accept more digits.
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

}  // namespace uniad
