// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/event.h"
#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// What a detector said about `buffer`, as one line of JSON (without a newline), version 1 of the schema:
//
//   {"version":1,"source":"cam0","session":"3f0c...","pts":40000000,
//    "time":"2024-05-01T12:00:00.040000Z","time_source":"camera","score":3.1,
//    "threshold":2.4,"probability":0.71,"anomalous":true,"age":0,
//    "regions":[{"x":0.41,"y":0.52,"w":0.12,"h":0.2,"score":3.1}],
//    "event":{"id":"a5b2...","kind":"anomaly","state":"begin"}}
//
// | key           | meaning                                                                              |
// |---------------|--------------------------------------------------------------------------------------|
// | session       | another one after each start, seek, loop and change of the stream: pts starts anew   |
// | pts           | of this buffer, in nanoseconds; absent from one without timestamp                    |
// | time          | when this frame was taken, in UTC; absent where nobody knew                          |
// | time_source   | "camera": a GstReferenceTimestampMeta of timestamp/x-unix or timestamp/x-ntp; else   |
// |               | "arrival": the clock of the machine when the frame came to the detector              |
// | threshold     | absent, as probability, without a calibration                                        |
// | unknown_scene | true where the frame as a whole is unlike everything that was learned, else absent   |
// | age           | nanoseconds since the frame that was judged; 0: this one; null: an earlier one,      |
// |               | unknown when                                                                         |
// | regions       | x, y, w, h in 0 to 1 of the frame, to a millionth; empty when nothing is anomalous   |
// | event         | absent outside an event; state is `event_state`: "begin", "ongoing" or "end"         |
//
// A number that is not finite is null; bytes of a name that are not UTF-8 become U+FFFD. Keys keep this
// order. Added keys do not raise the version.
std::string anomaly_json(const GstAnomalyMeta &meta, GstBuffer *buffer, GstAnomalyEventState event_state);

// A begin or an end, as one line of JSON (without a newline):
//
//   {"version":1,"type":"event","source":"cam0","session":"3f0c...","pts":1240000000,
//    "time":"2024-05-01T12:00:01.240000Z","time_source":"camera",
//    "event":{"id":"a5b2...","kind":"anomaly","state":"end",
//     "begin":{"pts":40000000,"time":"2024-05-01T12:00:00.040000Z"},
//     "end":{"pts":1240000000,"time":"2024-05-01T12:00:01.240000Z"},"duration":1200000000,
//     "peak":{"score":3.4,"pts":80000000,"time":"2024-05-01T12:00:00.080000Z","regions":[...]},
//     "threshold":2.4,"frames":30,"reason":"eos"}}
//
// | key       | meaning                                                                                  |
// |-----------|------------------------------------------------------------------------------------------|
// | pts, time | of the frame that the state is about, which was judged                                   |
// | end       | the first frame after the last anomalous one; absent, as duration, from a begin          |
// | peak      | the highest score so far; its regions are absent where they are not known                |
// | frames    | anomalous frames so far                                                                  |
// | reason    | why it ended: "eos", "flush", "stopped", "lost", "changed"; absent where the scene is    |
// |           | normal again                                                                             |
std::string event_json(const Event &event);

}  // namespace uniad
