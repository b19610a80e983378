// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <ostream>
#include <string>

namespace uniad {

// Where a subcommand writes its JSON: a file, or standard output for "-".
class Output {
 public:
  explicit Output(const std::string &target);  // throws Error when it cannot be opened

  std::ostream &stream();

  // To be called when all is written: throws Error when something was lost (disk full, pipe closed).
  void close();

 private:
  std::string target_;
  std::ofstream file_;
};

}  // namespace uniad
