// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Captures the cameras and serves them, until SIGINT or SIGTERM, which end it within five seconds whatever it
// waits for; prints the URL of each. SIGUSR1 makes every camera with `learn` learn again, SIGHUP opens the
// files that results go to anew. Returns the exit status: that of a failure where so many pipelines are stuck
// that only a new process helps. Where one still is at the end, it ends the process itself, without
// destructors. Throws Error where it cannot begin.
int serve(const Config &config);

// Throws Error where serve() could not begin: no encoder, an address that this machine does not have. The
// port may be in use by the server whose configuration this is.
void check_server(const Config &config);

}  // namespace uniad::rtsp
