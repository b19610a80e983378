// SPDX-License-Identifier: Apache-2.0
// What the state of the camera means for events.
#pragma once

#include <vector>

#include "gst-plugin/detect/signals.h"
#include "model/health/monitor.h"

namespace uniad {

// One signal for each kind that is switched on; of the whole frame. Its score is at least 1, the threshold,
// where the picture shows the kind; for `moved` both are in pixels of a frame of that width and height.
std::vector<Signal> health_signals(const HealthReport &report, const HealthKinds &kinds, int width,
                                   int height);

// Other events than those of camera health do not begin while these are held back. They end where the picture
// shows nothing that could be judged, and may go on where its light has changed.
void hold_back(std::vector<Signal> &signals, const HealthReport &report);

}  // namespace uniad
