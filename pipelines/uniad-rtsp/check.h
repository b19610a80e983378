// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Builds the camera's pipeline once and opens its model, or what it will learn one on. Throws Error where an
// element is missing or the model does not open; says nothing about the source, which may come later.
void check_camera(const CameraConfig &camera);

// Why no picture comes from the camera's file, naming file, line and key; nothing of other sources.
std::optional<std::string> why_unplayable(const CameraConfig &camera);

// Why the camera would bring no picture now, or lose what it learns or publishes: a file, a device or a
// folder that is missing or cannot be used. Each names file, line and key, and can get well while the server
// runs.
std::vector<std::string> find_obstacles(const CameraConfig &camera);

}  // namespace uniad::rtsp
