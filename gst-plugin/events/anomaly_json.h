// SPDX-License-Identifier: Apache-2.0
// A frame's result and an event as lines of JSON.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "gst-plugin/events/event.h"
#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// The result for `buffer` as one line of JSON (without a newline), version 1 of the schema:
//
//   {"version":1,"source":"cam0","session":"3f0c...","pts":40000000,
//    "time":"2024-05-01T12:00:00.040000Z","time_source":"camera","score":3.1,
//    "threshold":2.4,"probability":0.71,"anomalous":true,"age":0,
//    "regions":[{"x":0.41,"y":0.52,"w":0.12,"h":0.2,"score":3.1}],
//    "event":{"id":"a5b2...","kind":"anomaly","state":"begin"}}
//
// | key           | meaning                                                                              |
// |---------------|--------------------------------------------------------------------------------------|
// | session       | changes with each start, seek, loop and change of the stream, when pts starts over   |
// | pts           | timestamp of this buffer in nanoseconds; absent if it has none                       |
// | time          | when this frame was captured, in UTC; absent if it is not known                      |
// | time_source   | "camera": a GstReferenceTimestampMeta of type timestamp/x-unix or timestamp/x-ntp;   |
// |               | otherwise "arrival": the local clock when the frame arrived at the detector          |
// | threshold     | absent without a calibration, as is probability                                      |
// | unknown_scene | true if the frame as a whole is unlike everything that was learned; otherwise absent |
// | age           | nanoseconds since the frame that was judged; 0 for this frame; null for an earlier   |
// |               | frame of a stream without timestamps                                                 |
// | regions       | x, y, w, h from 0 to 1, relative to the frame; empty if nothing is anomalous         |
// | event         | absent outside an event; state is `event_state`: "begin", "ongoing" or "end"         |
//
// Numbers that are not finite are null; bytes of a name that are not valid UTF-8 become U+FFFD. Keys have
// this order; coordinates have six decimals. New keys do not raise the version.
std::string anomaly_json(const GstAnomalyMeta &meta, GstBuffer *buffer, GstAnomalyEventState event_state);

// The same with the timestamp and the state that the detector gave the frame.
std::string anomaly_json_at_detector(const GstAnomalyMeta &meta, GstBuffer *buffer);

// A position in a recording.
struct FilePlace {
  std::string file;         // its name, without the folder
  GstClockTime offset = 0;  // from the file's first frame
};

// Where an event is in a recording; absent if it is not.
struct EventPlaces {
  std::optional<FilePlace> begin = {}, end = {};
};

// Of the pictures of an event; empty: none.
struct SnapshotPaths {
  std::string frame;
  std::string overlay;  // the same frame, with the result drawn on it
};

// The begin or the end of an event as one line of JSON (without a newline):
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
// | pts, time | of the judged frame that the state refers to                                             |
// | end       | the first frame after the last anomalous one; absent in a begin, as is duration          |
// | peak      | the highest score so far; its regions are absent if they are not known                   |
// | frames    | number of anomalous frames so far                                                        |
// | snapshot  | path of a picture; absent if there is none, as is snapshot_overlay, the same with the    |
// |           | result drawn on it                                                                       |
// | file,     | of begin and end: where they are in a recording; absent if they are in none              |
// | offset    |                                                                                          |
// | reason    | why it ended: "eos", "flush", "stopped", "lost", "changed"; absent if the scene is       |
// |           | normal again                                                                             |
std::string event_json(const Event &event, const SnapshotPaths &snapshot = {},
                       const EventPlaces &places = {});

}  // namespace uniad
