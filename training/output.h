// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

namespace uniad {

// Throws Error where a model file cannot be written: before the work, not after hours of it.
void check_writable(const std::filesystem::path &model);

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
