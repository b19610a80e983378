// SPDX-License-Identifier: Apache-2.0
// The figures of the cameras and of the process as metrics.
#pragma once

#include <string>

#include "pipelines/uniad-rtsp/http/site.h"

namespace uniad::rtsp {

std::string metrics_of(const Site &site);

}  // namespace uniad::rtsp
