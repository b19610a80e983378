// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/line_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "gst-plugin/base/write_signals.h"
#include "model/base/error.h"

namespace uniad {

LineFile::LineFile(std::string path)
    : path_(std::move(path)),
      fd_(open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666)) {
  if (fd_ < 0) fail(errno);
}

LineFile::~LineFile() {
  close(fd_);
}

void LineFile::fail(int error) {
  throw Error(
      ErrorKind::Unwritable, path_, std::generic_category().message(error),
      error == ENOSPC ? "free space on the disk, or lower max-size" : "check the folder in 'location'");
}

bool LineFile::lock() {
  if (flock(fd_, LOCK_EX) != 0) fail(errno);
  struct stat own {};
  struct stat named {};
  return fstat(fd_, &own) == 0 && stat(path_.c_str(), &named) == 0 && own.st_ino == named.st_ino &&
         own.st_dev == named.st_dev;
}

void LineFile::write(std::string_view text) {
  struct stat before {};
  if (fstat(fd_, &before) != 0) fail(errno);
  const NoWriteSignals guard;
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written >= 0 || errno == EINTR) continue;
    const int error = errno;
    std::ignore = ftruncate(fd_, before.st_size);
    fail(error);
  }
}

}  // namespace uniad
