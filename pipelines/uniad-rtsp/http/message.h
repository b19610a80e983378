// SPDX-License-Identifier: Apache-2.0
// Requests and responses without the library that transports them.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "pipelines/uniad-rtsp/http/site.h"

namespace uniad::rtsp {

struct Request {
  const CameraAccess *camera = nullptr;  // that the path names, if it names one
  std::map<std::string, std::string, std::less<>> query;
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string type;
  std::string body;
  std::map<std::string, std::string> headers = {};
};

// Must be called once, on the thread of the server.
using Respond = std::function<void(const Response &)>;

Response json_response(const nlohmann::ordered_json &json, unsigned status = 200);

// An error as RFC 9457 describes it. detail: what is wrong with this request, and how to correct it.
Response problem(unsigned status, const std::string &detail);

}  // namespace uniad::rtsp
