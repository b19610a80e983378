// SPDX-License-Identifier: Apache-2.0
// Converts the health of the camera to signals for events.
#pragma once

#include <vector>

#include "gst-plugin/detect/signals.h"
#include "model/health/monitor.h"

namespace uniad {

// Returns one signal for each enabled kind, for the whole frame. The threshold is 1, and the score reaches it
// if the picture shows the kind. For `moved`, score and threshold are in pixels of a frame of the given width
// and height.
std::vector<Signal> health_signals(const HealthReport &report, const HealthKinds &kinds, int width,
                                   int height);

// While HealthReport::holds_anomalies_back is set, events that are not about camera health cannot begin. Open
// events end if the picture shows nothing that can be judged. They may continue if only its light has
// changed.
void hold_back(std::vector<Signal> &signals, const HealthReport &report);

}  // namespace uniad
