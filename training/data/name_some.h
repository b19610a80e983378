// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

namespace uniad {

// "3 files are missing: a.png, b.png, c.png", or five of them "and 95 more".
std::string name_some(std::span<const std::string> names, const std::string &what);

// The list alone: "a.png, b.png, c.png".
std::string list_some(std::span<const std::string> names);

}  // namespace uniad
