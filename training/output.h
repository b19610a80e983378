// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include "model/file/writable.h"

namespace uniad {

// To be asked before the work, not after hours of it. Nothing is written. `option` is what names the output;
// the Errors say so.

// check_writable() for a file that is made anew or replaced, as models are.
// For a file that is opened where it is: devices and pipes too. Empty and "-" are always well.
void check_openable(const std::string &file, const std::string &option);
// The same for JSON, which never takes the place of something else.
void check_json(const std::string &file, const std::string &option);
// For a model, which takes the place of nothing but a model.
void check_model(const std::filesystem::path &file, const std::string &option);
// For a folder, which is made where it is not there yet.
void make_folder(const std::filesystem::path &folder, const std::string &option);

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
