// SPDX-License-Identifier: Apache-2.0
// Lists a few of many file names for messages.
#pragma once

#include <span>
#include <string>

namespace uniad {

// "3 files are missing: a.png, b.png, c.png"; at most five names, followed by "and 95 more".
std::string name_some(std::span<const std::string> names, const std::string &what);

// Only the list: "a.png, b.png, c.png".
std::string list_some(std::span<const std::string> names);

}  // namespace uniad
