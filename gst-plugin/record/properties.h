// SPDX-License-Identifier: Apache-2.0
// The properties of uniadrecord.
#pragma once

#include "gst-plugin/base/property_table.h"
#include "gst-plugin/record/settings.h"

namespace uniad {

enum RecordProperty : guint {
  PROP_RECORD_0,
  PROP_RECORD_LOCATION,
  PROP_RECORD_CLIPS,
  PROP_RECORD_CONTINUOUS,
  PROP_RECORD_SEGMENT_TIME,
  PROP_RECORD_EMBED_RESULTS,
  PROP_RECORD_SOURCE,
  PROP_RECORD_PRE_ROLL,
  PROP_RECORD_POST_ROLL,
  PROP_RECORD_MAX_DURATION,
  PROP_RECORD_PRE_ROLL_SIZE,
  PROP_RECORD_QUEUE_SIZE,
  PROP_RECORD_DRAIN_TIME,
  PROP_RECORD_MAX_SIZE,
  PROP_RECORD_MAX_AGE,
  PROP_RECORD_MAX_FILES,
  PROP_RECORD_LOST,
};

// The properties that can be set.
PropertyTable<RecordSettings> record_properties();

// Those that can only be read.
void install_record_figures(GObjectClass *klass);

}  // namespace uniad
