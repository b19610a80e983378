// SPDX-License-Identifier: Apache-2.0
// Decides who may do what.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipelines/uniad-rtsp/http/http_config.h"
#include "pipelines/uniad-rtsp/http/message.h"

namespace uniad::rtsp {

// The headers of a request that decide, and where it comes from. Missing headers are empty.
struct Visitor {
  std::string client;  // its address
  std::string host;
  std::string origin;
  std::string authorization;
};

// Used by one thread.
class Access {
 public:
  using Clock = std::chrono::steady_clock;

  // Reads the tokens. Throws Error if one cannot be read.
  explicit Access(const HttpConfig &config);

  // Why the visitor is refused, if so. Without tokens, everybody who reaches the address may do everything,
  // except web pages that a browser on this machine shows: a page's own host name that leads here (DNS
  // rebinding) is refused as Host, and its requests to another host by their Origin.
  std::optional<Response> refusal(const Visitor &visitor, Role needed, Clock::time_point now = Clock::now());

 private:
  struct Failures {
    unsigned count = 0;
    Clock::time_point begin;
  };

  std::optional<Role> role_of(const std::string &authorization) const;
  bool is_blocked(const std::string &client, Clock::time_point now);
  void note_failure(const std::string &client, Clock::time_point now);

  std::vector<std::pair<Role, std::string>> digests_;  // of the tokens
  std::map<std::string, Failures> failures_;           // by client
};

}  // namespace uniad::rtsp
