// SPDX-License-Identifier: Apache-2.0
// The properties of uniadpublish.
#pragma once

#include "gst-plugin/base/property_table.h"
#include "gst-plugin/publish/settings.h"

namespace uniad {

enum PublishProperty : guint {
  PROP_0,
  PROP_LOCATION,
  PROP_MODE,
  PROP_MAX_RATE,
  PROP_QUEUE_SIZE,
  PROP_DRAIN_TIME,
  PROP_CREDENTIALS,
  PROP_CA_FILE,
  PROP_CERT_FILE,
  PROP_KEY_FILE,
  PROP_MQTT_VERSION,
  PROP_QOS,
  PROP_DISCOVERY,
  PROP_KAFKA_PROPERTIES,
  PROP_TOKEN,
  PROP_HEADERS,
  PROP_CLOUD_EVENTS,
  PROP_TIMEOUT,
  PROP_SNAPSHOTS,
  PROP_SNAPSHOTS_OVERLAY,
  PROP_SNAPSHOTS_MAX_SIZE,
  PROP_SNAPSHOTS_MAX_AGE,
  PROP_SNAPSHOTS_MAX_FILES,
  PROP_APPEND,
  PROP_RETRY_OPEN,
  PROP_MAX_SIZE,
  PROP_MAX_AGE,
  PROP_MAX_FILES,
  PROP_GZIP,
  PROP_LOST,
  PROP_QUEUED,
};

// The properties that can be set.
PropertyTable<PublishSettings> publish_properties();

// Those that can only be read.
void install_publish_figures(GObjectClass *klass);

}  // namespace uniad
