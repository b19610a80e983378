// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace uniad {

inline bool holds(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

}  // namespace uniad
