// SPDX-License-Identifier: Apache-2.0
// Whether the process works, and whether its cameras have been tried.
#pragma once

#include "pipelines/uniad-rtsp/http/message.h"

namespace uniad::rtsp {

// 200 if the main loop and the thread of every camera have moved within 15 s, which they do four times a
// second unless they wait for something that should not take long; otherwise 503.
Response liveness(const Site &site);

// 200 if every camera delivers frames, or it is known why it does not; 503 while one is still being tried.
Response readiness(const Site &site);

}  // namespace uniad::rtsp
