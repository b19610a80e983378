// SPDX-License-Identifier: Apache-2.0
// Writes lines to a file, a pipe or standard output, and rotates files.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

namespace uniad {

struct LineWriterOptions {
  bool append = false;                  // append to the file
  bool may_come_later = false;          // if it cannot be opened yet, try again with each line
  std::uint64_t max_size = 0;           // size in bytes at which the next file is started; 0: no limit
  std::chrono::nanoseconds max_age{0};  // age at which the next file is started; 0: no limit
  unsigned max_files = 5;               // number of files to keep then, including the current one
  bool gzip = false;                    // compress all but the current one
};

// Writes lines to a file, a named pipe or standard output. Each line is written immediately and atomically,
// so that lines of several writers to the same file are not mixed. Never raises SIGPIPE. Waits for a slow
// reader for a fifth of a second at a time. A file that reaches the maximum size or age is renamed to PATH.1,
// the previous one to PATH.2, and so on.
class LineWriter {
 public:
  // "-" is standard output. A named pipe need not have a reader yet. Throws Error if the file cannot be
  // opened, unless may_come_later is set.
  LineWriter(std::string path, const LineWriterOptions &options);
  ~LineWriter();

  LineWriter(const LineWriter &) = delete;
  LineWriter &operator=(const LineWriter &) = delete;

  // Returns why the line was not written, if it was not; writing it again may succeed.
  std::error_code write(std::string line);

  // Opens the path again, after the file has been renamed. If that fails, the old file stays in use and the
  // reason is returned.
  std::error_code reopen();

 private:
  std::error_code open(int flags);
  void close();
  void begin_next_file_before(std::size_t size);
  void shift_files();
  std::error_code put(std::string &text);
  std::error_code wait_until_writable();
  bool cut(std::size_t size);

  std::string path_;
  LineWriterOptions options_;
  int fd_ = -1;  // -1: a named pipe without a reader, or a file that cannot be opened yet
  bool regular_ = false;
  std::chrono::system_clock::time_point began_;  // when the file was created, as far as it is known
  std::string pending_;  // written before the next line: the rest of a partly written one
};

}  // namespace uniad
