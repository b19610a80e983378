// SPDX-License-Identifier: Apache-2.0
// The UTC time at which a frame was captured.
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// When a frame was captured, in nanoseconds since 1970 in UTC, and the source of that time.
struct WallTime {
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GstAnomalyTimeSource source = GST_ANOMALY_TIME_UNKNOWN;
};

// From the buffer's GstReferenceTimestampMeta of type timestamp/x-unix or timestamp/x-ntp; otherwise unknown.
WallTime camera_time(GstBuffer *buffer);

// The camera's time if it is known, otherwise the time of this machine `age` nanoseconds ago.
WallTime camera_or_arrival_time(GstBuffer *buffer, GstClockTime age = 0);

// "2024-05-01T12:00:00.040000Z"
std::string rfc3339(GstClockTime since_1970);

}  // namespace uniad
