// SPDX-License-Identifier: Apache-2.0
// A file to which whole lines are added.
#pragma once

#include <string>
#include <string_view>

namespace uniad {

class LineFile {
 public:
  // Throws Error if it cannot be opened. Creates it if it does not exist.
  explicit LineFile(std::string path);
  ~LineFile();

  LineFile(const LineFile &) = delete;
  LineFile &operator=(const LineFile &) = delete;

  // Waits for other processes that have locked the file, and locks it until the destruction. Returns false if
  // they have put another file in its place.
  bool lock();

  // All of the text, or, if that fails, nothing of it. Throws Error then.
  void write(std::string_view text);

 private:
  [[noreturn]] void fail(int error);

  std::string path_;
  int fd_;
};

}  // namespace uniad
