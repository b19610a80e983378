// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <system_error>

namespace uniad {

// The path that a location names: itself, that of a file:// URI, or "-". Nothing for other URIs.
std::optional<std::string> local_path(const std::string &location);

// Writes lines to a file, a named pipe or standard output. Readers see each line at once and whole; lines of
// several writers of the same file do not mix. Never raises SIGPIPE. Waits for a slow reader for a second,
// once; from then on its lines are lost while the pipe is full.
class LineFile {
 public:
  // "-" is standard output. A named pipe need not have a reader yet. Throws Error.
  LineFile(std::string path, bool append);
  ~LineFile();

  LineFile(const LineFile &) = delete;
  LineFile &operator=(const LineFile &) = delete;

  // Why the line was lost, if it was; a later one can succeed.
  std::error_code write(std::string line);

 private:
  std::error_code open(int flags);
  void close();
  std::error_code put(std::string &text);
  std::error_code wait_until_writable();
  bool cut(std::size_t size);

  std::string path_;
  int fd_ = -1;  // -1: a named pipe that nobody reads
  bool regular_ = false;
  bool patient_ = true;
  std::string owed_;  // goes before the next line: the rest of one that is partly out
};

}  // namespace uniad
