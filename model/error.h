// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace uniad {

// The one exception of model/ and training/. It says what went wrong, where (a file, a tensor, an option),
// and what the user can do about it. what() is all three in one line: "WHERE: WHAT (WAY OUT)".
class Error : public std::runtime_error {
 public:
  Error(const std::string &where, const std::string &what, const std::string &way_out)
      : std::runtime_error(where + ": " + what + " (" + way_out + ")") {}
};

}  // namespace uniad
