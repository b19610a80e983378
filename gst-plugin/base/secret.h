// SPDX-License-Identifier: Apache-2.0
// Reads secrets, which are never in a configuration itself.
#pragma once

#include <string>

namespace uniad {

// Reads the secret that a property or key names: from a file, or from an environment variable for "env:NAME".
// Line breaks at its end do not count. Throws Error if it cannot be read.
std::string read_secret(const std::string &place, const char *property);

}  // namespace uniad
