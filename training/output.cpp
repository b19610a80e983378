// SPDX-License-Identifier: Apache-2.0
#include "training/output.h"

#include <unistd.h>

#include <iostream>

#include "model/error.h"

namespace uniad {

void check_writable(const std::filesystem::path &model) {
  const auto folder = std::filesystem::absolute(model).parent_path();
  if (!std::filesystem::is_directory(folder) || access(folder.c_str(), W_OK) != 0)
    throw Error(model.string(), "cannot be written: no such folder, or not writable",
                "choose another --model");
}

Output::Output(const std::string &target) : target_(target) {
  if (target_ == "-") return;
  file_.open(target_);
  if (!file_) throw Error(target_, "cannot be written", "check that its folder exists and may be written");
}

std::ostream &Output::stream() {
  return target_ == "-" ? std::cout : file_;
}

void Output::close() {
  stream().flush();
  if (!stream())
    throw Error(target_ == "-" ? "standard output" : target_, "could not be written whole",
                "check the space left on the disk");
}

}  // namespace uniad
