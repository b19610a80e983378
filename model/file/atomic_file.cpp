// SPDX-License-Identifier: Apache-2.0
#include "model/file/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <system_error>
#include <utility>

#include "model/base/error.h"

namespace uniad {

namespace {

std::string reason(int error) {
  return std::system_category().message(error);
}

}  // namespace

// Non-blocking, because opening a FIFO would wait for a writer.
InputFile::InputFile(const std::filesystem::path &path)
    : InputFile(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), path.string()) {
  if (fd_ < 0 && (errno == ENOENT || errno == ENOTDIR))
    throw Error(ErrorKind::NotFound, name_, "no such file", "check the path");
  struct stat status {};
  if (fd_ < 0 || fstat(fd_, &status) != 0) {
    throw Error(ErrorKind::Unreadable, name_, "cannot be opened: " + reason(errno), "check its permissions");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::Malformed, name_, "is not a regular file", "use a file, not a folder or a device");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (size_ > file_size_limit) {
    throw Error(ErrorKind::Malformed, name_,
                "has " + std::to_string(size_) + " bytes, more than any weight or model file",
                "use another file");
  }
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw Error(ErrorKind::Unwritable, name_,
                  "cannot be read to its end: " + (count < 0 ? reason(errno) : "it has become shorter"),
                  "check the disk, then try again");
    }
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::vector<std::byte> read_whole_file(const std::filesystem::path &path) {
  const InputFile file(path);
  std::vector<std::byte> bytes(file.size());
  file.read(0, bytes);
  return bytes;
}

AtomicFileWriter::AtomicFileWriter(std::filesystem::path goal) : goal_(std::move(goal)) {
  std::error_code unknown;  // if this fails, open() fails too and reports why
  if (std::filesystem::exists(goal_, unknown) && !std::filesystem::is_regular_file(goal_, unknown)) {
    throw Error(ErrorKind::Unwritable, goal_.string(), "exists and is not a regular file",
                "choose another name");
  }
  open_temporary();
}

// Several threads, processes, containers and machines may write one file at the same time. Their process IDs
// can be equal, so the name is random, and an existing file is never opened.
void AtomicFileWriter::open_temporary() {
  std::random_device chance;
  do {
    temporary_ = goal_.string() + ".partial-" + std::to_string(chance());
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) fail("cannot be written");
}

AtomicFileWriter::~AtomicFileWriter() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) fail("cannot be written");
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFileWriter::commit() {
  if (fsync(fd_) != 0) fail("cannot be written");
  replace();
  sync_folder();
}

void AtomicFileWriter::replace() {
  if (close(std::exchange(fd_, -1)) != 0) fail("cannot be written");
  if (std::rename(temporary_.c_str(), goal_.c_str()) != 0) fail("cannot be written");
  temporary_.clear();
}

// Syncs the folder, which contains the rename. Some file systems cannot sync a folder (EINVAL); they order
// the operations themselves.
void AtomicFileWriter::sync_folder() const {
  const std::filesystem::path folder = goal_.has_parent_path() ? goal_.parent_path() : ".";
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  if (!synced) fail("was written, but its folder cannot be synced");
}

void AtomicFileWriter::fail(const std::string &what) const {
  throw Error(ErrorKind::Malformed, goal_.string(), what + ": " + reason(errno),
              "check the folder, its permissions and the free space");
}

}  // namespace uniad
