// SPDX-License-Identifier: Apache-2.0
// A lock on a model file across processes.
#pragma once

#include <filesystem>

namespace uniad {

// The exclusive right to replace a file, across all processes, which must be held while a file is read,
// extended and written back. It is a lock on the file `PATH.lock`, which is removed with the lock. On file
// systems without locks, it has no effect.
class FileLock {
 public:
  // Waits for the current owner. Throws Error if the lock file cannot be written, or if the owner does not
  // release the lock.
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
