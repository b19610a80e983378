// SPDX-License-Identifier: Apache-2.0
// The address of a broker or server, and the secrets for it.
#pragma once

#include <string>

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

// Reads a secret from a file, or from an environment variable for "env:NAME". Line breaks at its end do not
// count. Throws Error if it cannot be read.
std::string read_secret(const std::string &place);

}  // namespace uniad
