// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// What a detector said about `buffer`, as one line of JSON (without a newline), version 1 of the schema:
//
//   {"version":1,"source":"cam0","pts":40000000,"time":"2024-05-01T12:00:00.040000Z","score":3.1,
//    "threshold":2.4,"probability":0.71,"anomalous":true,"age":0,
//    "regions":[{"x":0.41,"y":0.52,"w":0.12,"h":0.2,"score":3.1}],
//    "event":{"id":"a5b2...","kind":"anomaly","state":"begin"}}
//
//   pts            nanoseconds; absent from a buffer without timestamp
//   time           UTC; absent unless the buffer has a GstReferenceTimestampMeta of timestamp/x-unix or
//                  timestamp/x-ntp
//   threshold      absent, as probability, without a calibration
//   unknown_scene  true where the frame as a whole is unlike everything that was learned, else absent
//   age            nanoseconds since the frame that was judged; 0: this one; null: an earlier one, unknown
//   when regions        x, y, w, h in 0 to 1 of the frame, to a millionth; empty when nothing is anomalous
//   event          absent outside an event; state is "begin", "ongoing" or "end"
//
// A number that is not finite is null; bytes of a name that are not UTF-8 become U+FFFD. Keys keep this
// order. Added keys do not raise the version.
std::string anomaly_json(const GstAnomalyMeta &meta, GstBuffer *buffer);

}  // namespace uniad
