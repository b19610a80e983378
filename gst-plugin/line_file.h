// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

namespace uniad {

struct LineFileOptions {
  bool append = false;          // keep what the file holds
  bool may_come_later = false;  // what cannot be opened yet is tried again with every line
  std::uint64_t max_size = 0;   // bytes of a file before the next one begins; 0: no limit
  unsigned max_files = 5;       // kept with max_size, the one being written included
};

// Writes lines to a file, a named pipe or standard output. Readers see each line at once and whole; lines of
// several writers of the same file do not mix. Never raises SIGPIPE. Waits for a slow reader for a second,
// once; from then on its lines are lost while the pipe is full. A file that has reached its size is renamed
// to PATH.1, the one before it to PATH.2, and so on.
class LineFile {
 public:
  // "-" is standard output. A named pipe need not have a reader yet. Throws Error where the file cannot be
  // opened, unless it may come later.
  LineFile(std::string path, const LineFileOptions &options);
  ~LineFile();

  LineFile(const LineFile &) = delete;
  LineFile &operator=(const LineFile &) = delete;

  // Why the line was lost, if it was; a later one can succeed.
  std::error_code write(std::string line);

  // Goes on in the file that has the path now, for who has renamed the one before. Where none can be opened,
  // the old one stays in use, and the reason is returned.
  std::error_code reopen();

 private:
  std::error_code open(int flags);
  void close();
  void begin_next_file_before(std::size_t size);
  std::error_code put(std::string &text);
  std::error_code wait_until_writable();
  bool cut(std::size_t size);

  std::string path_;
  LineFileOptions options_;
  int fd_ = -1;  // -1: a named pipe that nobody reads, or a file that cannot be opened yet
  bool regular_ = false;
  bool patient_ = true;
  std::string owed_;  // goes before the next line: the rest of one that is partly out
};

}  // namespace uniad
