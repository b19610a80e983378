// SPDX-License-Identifier: Apache-2.0
// The properties of uniaddetect, each declared once.
#pragma once

#include "gst-plugin/base/property_table.h"
#include "gst-plugin/detect/settings.h"

namespace uniad {

enum DetectProperty : guint {
  PROP_0,
  PROP_MODEL,
  PROP_SOURCE,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_INTERVAL,
  PROP_MAX_RATE,
  PROP_THRESHOLD,
  PROP_MODE,
  PROP_POST_MESSAGES,
  PROP_LEARN,
  PROP_LEARN_TIME,
  PROP_LEARN_ONCE,
  PROP_BACKBONE,
  PROP_ADAPT_RATE,
  PROP_DRIFT,
  PROP_BATCH_SIZE,
  PROP_BATCH_TIMEOUT,
  PROP_EVENT_CONFIRM,
  PROP_EVENT_HOLD,
  PROP_HOLD_TIME,
  PROP_EVENT_RELEASE,
  PROP_EVENT_COOLDOWN,
  PROP_EVENT_MIN_DURATION,
  PROP_SKIPPED,
  PROP_ZONES,
  PROP_HEALTH,
  PROP_FREEZE_TIME,
  PROP_SETTLE_TIME,
  PROP_SCENE_SHIFT,
  PROP_MOTION,
  PROP_MOTION_THRESHOLD,
  PROP_STOPPED,
};

// The properties that are members of DetectSettings. The others, drift and skipped, are read from the running
// stream.
const PropertyTable<DetectSettings> &detect_properties();

}  // namespace uniad
