// SPDX-License-Identifier: Apache-2.0
// Reads the settings of the HTTP interface from [server].
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/http/http_config.h"
#include "pipelines/uniad-rtsp/toml_section.h"

namespace uniad::rtsp {

// Absent without http_port. Throws Error if others than this machine could use the interface without a token.
std::optional<HttpConfig> read_http(const Section &server_section, std::vector<std::string> &warnings);

}  // namespace uniad::rtsp
