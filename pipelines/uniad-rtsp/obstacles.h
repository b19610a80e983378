// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Why the camera would bring no picture now, or lose what it learns or publishes: a file, a device or a
// folder that is missing or cannot be used. Each names file, line and key, and can get well while the server
// runs.
std::vector<std::string> find_obstacles(const CameraConfig &camera);

}  // namespace uniad::rtsp
