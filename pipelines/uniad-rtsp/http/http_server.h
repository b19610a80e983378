// SPDX-License-Identifier: Apache-2.0
// The HTTP interface: health, metrics, and an API for the cameras.
#pragma once

#include <cstdint>
#include <memory>

#include "pipelines/uniad-rtsp/http/http_config.h"
#include "pipelines/uniad-rtsp/http/site.h"

namespace uniad::rtsp {

// Serves on a thread of its own, so that it also answers when the rest is stuck. Requests are small, and each
// connection carries one.
class HttpServer {
 public:
  // Throws Error if the address cannot be used or a token cannot be read.
  HttpServer(const HttpConfig &config, Site site);
  ~HttpServer();
  HttpServer(const HttpServer &) = delete;
  HttpServer &operator=(const HttpServer &) = delete;

  std::uint16_t port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uniad::rtsp
