// SPDX-License-Identifier: Apache-2.0
// Lets a camera learn on request.
#pragma once

#include "pipelines/uniad-rtsp/http/message.h"

namespace uniad::rtsp {

// Reads how much to learn from the body, {"time": "30s"} or {"frames": 400}; an empty one means as much as
// the camera's configuration says. The camera's thread follows the order as soon as there are frames.
void answer_learn(const Site &site, const Request &request, const Respond &respond);

}  // namespace uniad::rtsp
