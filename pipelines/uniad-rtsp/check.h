// SPDX-License-Identifier: Apache-2.0
// Finds problems that would keep cameras from being served.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// Builds the camera's pipeline once and opens its model, or the backbone on which it will learn one. Throws
// Error if an element is missing or the model cannot be opened. Does not check the source, which may become
// available later.
void check_camera(const CameraConfig &camera);

// Why the camera's file cannot be played, with file, line and key; absent for other kinds of sources.
std::optional<std::string> why_unplayable(const CameraConfig &camera);

// Why the camera would currently deliver no frames, or could not save what it learns or publishes: files,
// devices or folders that are missing or cannot be used. Each entry names file, line and key. Such problems
// can be resolved while the server runs.
std::vector<std::string> find_obstacles(const CameraConfig &camera);

}  // namespace uniad::rtsp
