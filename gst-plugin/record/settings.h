// SPDX-License-Identifier: Apache-2.0
// The settings of uniadrecord.
#pragma once

#include <gst/gst.h>

#include <string>

namespace uniad {

struct RecordSettings {
  std::string location;  // a folder
  bool clips = true;     // of events
  bool continuous = false;
  guint64 segment_time = 60 * GST_SECOND;
  bool embed_results = false;
  std::string source = "camera";  // name of the camera, until results tell it
  guint64 pre_roll = 5 * GST_SECOND;
  guint64 post_roll = 5 * GST_SECOND;
  guint64 max_duration = 600 * GST_SECOND;  // of a clip
  guint64 pre_roll_size = 33554432;         // bytes in memory
  guint64 queue_size = 67108864;            // bytes that wait for the disk, beyond the pre-roll
  guint64 drain_time = 5 * GST_SECOND;

  // Of the folder; 0: no limit.
  guint64 max_size = 0;  // bytes
  guint64 max_age = 0;   // nanoseconds
  guint max_files = 0;
};

}  // namespace uniad
