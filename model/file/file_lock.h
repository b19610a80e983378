// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace uniad {

// The right to replace a file, over all processes: who reads it, adds to it and writes it back holds this
// meanwhile. It is a lock on a file beside it, `PATH.lock`, which goes with the lock. Where the file system
// has no locks, everybody has the right.
class FileLock {
 public:
  // Waits for whoever has it. Throws Error where nothing can be written beside `path`, and where somebody
  // does not let go.
  explicit FileLock(const std::filesystem::path &path);
  ~FileLock();
  FileLock(const FileLock &) = delete;
  FileLock &operator=(const FileLock &) = delete;

  const std::filesystem::path &path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path lock_;
  int fd_ = -1;
};

}  // namespace uniad
