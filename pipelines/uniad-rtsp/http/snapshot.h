// SPDX-License-Identifier: Apache-2.0
// Answers with a camera's newest picture.
#pragma once

#include "pipelines/uniad-rtsp/http/message.h"

namespace uniad::rtsp {

// As JPEG. The streaming thread only hands over its next frame; a pipeline of its own encodes it.
void answer_snapshot(const Site &site, const Request &request, const Respond &respond);

}  // namespace uniad::rtsp
