// SPDX-License-Identifier: Apache-2.0
// A camera as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "pipelines/uniad-rtsp/http/site.h"

namespace uniad::rtsp {

// Without the camera's own address, which may contain a password.
nlohmann::ordered_json camera_json(const CameraAccess &camera);

}  // namespace uniad::rtsp
