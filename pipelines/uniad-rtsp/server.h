// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Captures the cameras and serves them, until SIGINT or SIGTERM; prints the URL of each. SIGUSR1 makes every
// camera with `learn` learn again. Throws Error where it cannot begin.
void serve(const Config &config);

}  // namespace uniad::rtsp
