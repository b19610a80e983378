// SPDX-License-Identifier: Apache-2.0
// The address of a broker or server, and the secrets for it.
#pragma once

#include <optional>
#include <string>

#include "gst-plugin/base/secret.h"
#include "gst-plugin/publish/settings.h"

namespace uniad {

struct RemoteAddress {
  std::string scheme;
  std::string host;
  unsigned port = 0;  // 0: the default of the scheme
  std::string path;   // decoded, without the first slash
};

// Throws Error if it is not an address of a host, or if it contains a name and a password, which process
// lists and logs would show.
RemoteAddress parse_remote_address(const std::string &location);

struct Login {
  std::string user;
  std::string password;
};

// Reads USER:PASSWORD; absent if no place is set. Throws Error if it cannot be read.
std::optional<Login> read_login(const std::string &place);

// Throws Error if a file for TLS cannot be read, or if a certificate has no key.
void check_certificates(const PublishSettings &settings);

}  // namespace uniad
