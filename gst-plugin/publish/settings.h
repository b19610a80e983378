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

  // Of brokers and servers.
  std::string credentials;  // a file with USER:PASSWORD, or env:NAME
  std::string ca_file;      // PEM, as the next two; empty: the authorities of the system
  std::string cert_file;
  std::string key_file;
  std::string mqtt_version = "3.1.1";  // or "5"
  guint qos = 1;
  bool discovery = false;
  std::string kafka_properties;  // a file with a line "NAME=VALUE" for each option of librdkafka, or env:NAME

  // Of web servers.
  std::string token;    // a file with a bearer token, or env:NAME
  std::string headers;  // a file with a line "NAME: VALUE" for each header, or env:NAME
  bool cloud_events = false;
  guint64 timeout = 10 * GST_SECOND;

  // Of pictures.
  std::string snapshots;           // a folder; empty: no pictures
  bool snapshots_overlay = false;  // a second picture of each event, with the result drawn on it
  guint64 snapshots_max_size = 0;  // bytes; 0: no limit, as for the next two
  guint64 snapshots_max_age = 0;   // nanoseconds
  guint snapshots_max_files = 0;

  // Of files.
  bool append = false;
  bool retry_open = false;
  guint64 max_size = 0;  // bytes; 0: no limit
  guint64 max_age = 0;   // nanoseconds; 0: no limit
  guint max_files = 5;
  bool gzip = false;
};

}  // namespace uniad
