// SPDX-License-Identifier: Apache-2.0
// Checks outputs before the work starts, and writes them.
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include "model/file/writable.h"

namespace uniad {

// Checks to be made before the work starts, not after hours of it. They write nothing and throw Error, which
// names `option`, the option that sets the output.

// check_writable() is for a file that is created or replaced, such as a model.
// For a file that is opened in place, including devices and pipes. Empty and "-" are always valid.
void check_openable(const std::string &file, const std::string &option);
// The same for JSON, which never overwrites other content.
void check_json(const std::string &file, const std::string &option);
// For a model, which overwrites nothing but a model.
void check_model(const std::filesystem::path &file, const std::string &option);
// For a folder, which is created if it does not exist.
void make_folder(const std::filesystem::path &folder, const std::string &option);

// Where a subcommand writes its JSON: a file, or standard output for "-".
class Output {
 public:
  explicit Output(const std::string &target);  // throws Error if it cannot be opened

  std::ostream &stream();

  // Must be called after writing; throws Error if anything was lost (disk full, pipe closed).
  void close();

 private:
  std::string target_;
  std::ofstream file_;
};

}  // namespace uniad
