// SPDX-License-Identifier: Apache-2.0
// The file of an index, which several processes may write.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

namespace uniad {

class IndexFile {
 public:
  explicit IndexFile(const std::string &folder);

  // Adds a line; if that fails, throws Error, and the line is written with the next one.
  void append(std::string line);

  // From time to time, removes the lines of files that no longer exist.
  void tidy();

 private:
  std::string folder_;
  std::string path_;
  std::deque<std::string> waiting_;  // lines that could not be written so far
  std::size_t until_tidy_ = 0;
};

}  // namespace uniad
