// SPDX-License-Identifier: Apache-2.0
// Compresses a file.
#pragma once

#include <string>

namespace uniad {

// Replaces PATH by PATH.gz. If that fails, PATH remains as it is, and false is returned.
bool compress_file(const std::string &path);

}  // namespace uniad
