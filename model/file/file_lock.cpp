// SPDX-License-Identifier: Apache-2.0
#include "model/file/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include "model/base/error.h"

namespace uniad {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::milliseconds pause{20};

// Whether `path` still refers to the open file. The previous owner of the lock may have removed it.
bool is_at(int fd, const std::filesystem::path &path) {
  struct stat open_file {};
  struct stat at_path {};
  return fstat(fd, &open_file) == 0 && stat(path.c_str(), &at_path) == 0 &&
         open_file.st_dev == at_path.st_dev && open_file.st_ino == at_path.st_ino;
}

}  // namespace

FileLock::FileLock(const std::filesystem::path &path) : path_(path), lock_(path.string() + ".lock") {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    fd_ = open(lock_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) {
      throw Error(ErrorKind::Unwritable, path_.string(),
                  "cannot be written: " + std::system_category().message(errno),
                  "check the folder, its permissions and the free space");
    }
    const bool locked = flock(fd_, LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK && errno != EINTR) return;
    if (locked && is_at(fd_, lock_)) return;
    close(fd_);
    fd_ = -1;
    if (locked) continue;
    if (std::chrono::steady_clock::now() > give_up) {
      throw Error(ErrorKind::Unwritable, path_.string(),
                  "another program has been writing it for " + std::to_string(patience.count()) + " s",
                  "end that program, then try again");
    }
    std::this_thread::sleep_for(pause);
  }
}

// Removes the file while it is still locked, so that others who have opened it in the meantime notice that it
// is gone.
FileLock::~FileLock() {
  unlink(lock_.c_str());
  close(fd_);
}

}  // namespace uniad
