// SPDX-License-Identifier: Apache-2.0
// The RTSP server.
#pragma once

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Captures and serves the cameras until SIGINT or SIGTERM, which end it within five seconds in any case, and
// prints the URL of each camera. SIGUSR1 makes every camera with `learn` learn again, SIGHUP reopens
// published files. Returns the exit status, which is a failure if so many pipelines are stuck that only a new
// process helps. If a pipeline is still stuck at the end, it exits the process itself, without running
// destructors. Throws Error if it cannot start.
int serve(const Config &config);

// Throws Error if serve() could not start: no encoder is installed, or the address does not belong to this
// machine. The port may be in use, since the server may already be running with this configuration.
void check_server(const Config &config);

}  // namespace uniad::rtsp
