// SPDX-License-Identifier: Apache-2.0
// Runs uniad and reads what it prints.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace uniad::test {

struct Outcome {
  int code = -1;  // exit status; -1 if a signal ended it
  std::string out;
  std::string err;
};

inline std::string read_all(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs the executable of this build through the shell and keeps its output in `folder`.
inline Outcome run_uniad(const std::string &arguments, const std::filesystem::path &folder) {
  const auto out = folder / ".out";
  const auto err = folder / ".err";
  const auto status = std::system((std::string(UNIAD_EXECUTABLE) + " " + arguments + " >" + out.string() +
                                   " 2>" + err.string() + " </dev/null")
                                      .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(out), read_all(err)};
}

}  // namespace uniad::test
