// SPDX-License-Identifier: Apache-2.0
// The paths of the HTTP interface and what answers there; docs/http-api.json describes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/uniad-rtsp/http/http_config.h"
#include "pipelines/uniad-rtsp/http/message.h"

namespace uniad::rtsp {

struct Route {
  std::string_view method;
  std::string_view path;  // {name} stands for one segment, the name of a camera
  bool needs_token = true;
  Role role = Role::viewer;
  void (*answer)(const Site &site, const Request &request, const Respond &respond) = nullptr;
};

// The segments of a path that is still percent-encoded, decoded one by one, so that a name may contain any
// character. Absent if an escape is not valid or is a zero byte.
std::optional<std::vector<std::string>> segments_of(const std::string &path);

// The routes of the path, one for each method. camera_name: the segment in place of {name}, if there is one.
std::vector<const Route *> routes_at(const std::vector<std::string> &segments,
                                     std::optional<std::string> &camera_name);

}  // namespace uniad::rtsp
