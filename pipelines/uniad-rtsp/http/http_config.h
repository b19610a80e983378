// SPDX-License-Identifier: Apache-2.0
// The settings of the HTTP interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace uniad::rtsp {

// What a token permits; each role also has what those before it have.
enum class Role { viewer, operator_role, admin };

struct TokenSource {
  Role role = Role::viewer;
  std::string secret;  // a file with the token, or env:NAME
  std::string place;   // file, line and key
};

struct HttpConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  std::string place;          // file, line and key of the address
  std::vector<TokenSource> tokens;
};

}  // namespace uniad::rtsp
