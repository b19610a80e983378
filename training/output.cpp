// SPDX-License-Identifier: Apache-2.0
#include "training/output.h"

#include <iostream>

#include "model/error.h"

namespace uniad {

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
