// SPDX-License-Identifier: Apache-2.0
// Logs bus messages.
#pragma once

#include <gst/gst.h>

#include <string>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// The text of an error message, with the details that follow the source line in GStreamer's debug text. The
// camera's password is removed from both.
std::string error_text(const CameraConfig &camera, GstMessage *message);

// Logs a warning, an anomaly or the progress of learning.
void log_message(const CameraConfig &camera, GstMessage *message);

}  // namespace uniad::rtsp
