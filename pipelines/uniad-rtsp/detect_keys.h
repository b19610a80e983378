// SPDX-License-Identifier: Apache-2.0
// Reads what a camera's configuration says about detection: [camera.detect] and [[camera.zone]].
#pragma once

#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/toml_section.h"

namespace uniad::rtsp {

// Adds the settings to the camera. Whether uniaddetect has these properties and accepts the values is found
// out when they are applied. Throws Error.
void read_detect_keys(const Section &camera_section, CameraConfig &camera,
                      std::vector<std::string> &warnings);

}  // namespace uniad::rtsp
