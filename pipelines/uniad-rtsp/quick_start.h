// SPDX-License-Identifier: Apache-2.0
// The configuration of a server that is started without a configuration file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/config.h"

namespace uniad::rtsp {

// The options of the command line.
struct QuickStart {
  std::vector<std::string> cameras;  // addresses or files, or NAME=ADDRESS; others are camera1, camera2, ...
  std::string learn = "30s";         // or a number of frames
  std::string model;                 // empty: default_model()
  std::uint16_t port = ServerConfig().port;
  std::uint16_t http_port = 0;  // of the HTTP interface, if this build has one
};

// The model file of all cameras, in the user's data folder.
std::string default_model();

// The configuration as from a file with these cameras, which all learn into one model. Creates the folder of
// default_model(). Throws Error.
Config quick_config(const QuickStart &options);

}  // namespace uniad::rtsp
