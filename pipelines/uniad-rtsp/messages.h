// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// What went wrong, and the details that stand below the source line in GStreamer's debug text. Neither tells
// the camera's password.
std::string error_text(const CameraConfig &camera, GstMessage *message);

// Tells of a warning, an anomaly or how learning goes.
void log_message(const CameraConfig &camera, GstMessage *message);

}  // namespace uniad::rtsp
