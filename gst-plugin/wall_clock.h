// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// When a frame was taken, in nanoseconds since 1970 in UTC, and who knew.
struct WallTime {
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GstAnomalyTimeSource source = GST_ANOMALY_TIME_UNKNOWN;
};

// By the buffer's GstReferenceTimestampMeta of timestamp/x-unix or timestamp/x-ntp; else unknown.
WallTime camera_time(GstBuffer *buffer);

// By the camera where it says, else by this machine's clock, now.
WallTime camera_or_arrival_time(GstBuffer *buffer);

// "2024-05-01T12:00:00.040000Z"
std::string rfc3339(GstClockTime since_1970);

}  // namespace uniad
