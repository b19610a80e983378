// SPDX-License-Identifier: Apache-2.0
// The settings of uniadpublish.
#pragma once

#include <gst/gst.h>

#include <string>

#include "gst-plugin/publish/uniadpublish.h"

namespace uniad {

struct PublishSettings {
  std::string location;
  GstUniadPublishMode mode = GST_UNIAD_PUBLISH_MODE_FRAMES;
  double max_rate = 0;  // frames per second of the stream; 0: no limit
  guint queue_size = 2000;
  guint64 drain_time = 2 * GST_SECOND;

  // Of files.
  bool append = false;
  bool retry_open = false;
  guint64 max_size = 0;  // bytes; 0: no limit
  guint max_files = 5;
};

}  // namespace uniad
