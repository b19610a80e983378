// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <tuple>
#include <utility>

#include "gst-plugin/base/write_signals.h"
#include "gst-plugin/publish/compress_file.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr int patience_ms = 200;  // short, because the end of the stream may wait for it

std::error_code last_error() {
  return {errno, std::generic_category()};
}

bool is_of_type(int fd, mode_t type) {
  struct stat status {};
  return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type;
}

bool is_named_pipe(const std::string &path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

// When a file with content was created. File systems that do not know it leave only the current time.
std::chrono::system_clock::time_point creation_time(int fd) {
  struct statx status {};
  const bool is_known = statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_SIZE, &status) == 0 &&
                        (status.stx_mask & STATX_BTIME) != 0 && status.stx_size > 0;
  if (!is_known) return std::chrono::system_clock::now();
  return std::chrono::system_clock::time_point(std::chrono::seconds(status.stx_btime.tv_sec));
}

// Whether the file ends with an incomplete line, for example after a power failure.
bool ends_within_a_line(const std::string &path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char last = '\n';
  const off_t end = lseek(fd, 0, SEEK_END);
  const bool within = end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
  close(fd);
  return within;
}

}  // namespace

LineWriter::LineWriter(std::string path, const LineWriterOptions &options)
    : path_(std::move(path)), options_(options) {
  const auto error = open(options_.append ? O_CREAT : O_CREAT | O_TRUNC);
  const bool awaits_reader = error == std::errc::no_such_device_or_address && is_named_pipe(path_);
  if (error && !awaits_reader && !options_.may_come_later)
    throw Error(ErrorKind::Unwritable, path_ == "-" ? "standard output" : path_,
                "cannot be opened for writing: " + error.message(),
                "choose a file in a folder that exists and is writable for this user");
}

LineWriter::~LineWriter() {
  close();
}

std::error_code LineWriter::open(int flags) {
  // Appending keeps the lines of several writers apart. Without O_NONBLOCK, opening a named pipe would wait
  // for a reader.
  fd_ = path_ == "-"
            ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
            : ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags, 0666);
  if (fd_ < 0) return last_error();
  regular_ = is_of_type(fd_, S_IFREG);
  began_ = creation_time(fd_);
  const bool is_shared = regular_ && path_ != "-" && (flags & O_TRUNC) == 0;
  pending_ = is_shared && ends_within_a_line(path_) ? "\n" : "";
  return {};
}

void LineWriter::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::error_code LineWriter::write(std::string line) {
  if (fd_ < 0) {
    if (const auto error = open(is_named_pipe(path_) ? 0 : O_CREAT)) return error;
  }
  begin_next_file_before(line.size() + 1);
  const NoWriteSignals guard;
  auto error = put(pending_);
  line += '\n';
  const std::size_t size = line.size();
  if (!error) error = put(line);
  const std::size_t out = size - line.size();
  if (error == std::errc::broken_pipe) {
    // The data that is still in the pipe is lost with its reader. The next reader starts with a whole line.
    pending_.clear();
    if (is_of_type(fd_, S_IFIFO) && path_ != "-") close();
  } else if (error && out > 0 && !cut(out)) {
    pending_ = std::move(line);
    return {};
  }
  return error;
}

std::error_code LineWriter::reopen() {
  if (path_ == "-" || (fd_ >= 0 && !regular_)) return {};
  const int before = std::exchange(fd_, -1);
  const auto error = open(O_CREAT);
  if (error)
    fd_ = before;
  else if (before >= 0)
    ::close(before);
  return error;
}

// A file that cannot be renamed keeps growing: a file that is too large is better than losing the newest
// lines.
void LineWriter::begin_next_file_before(std::size_t size) {
  struct stat written {
  }, named{};
  if (!regular_ || path_ == "-" || fstat(fd_, &written) != 0 || written.st_size == 0) return;
  const auto size_then = static_cast<std::uint64_t>(written.st_size) + size;
  const bool is_full = options_.max_size > 0 && size_then > options_.max_size;
  const auto age = std::chrono::system_clock::now() - began_;
  const bool is_old = options_.max_age.count() > 0 && age >= options_.max_age;
  if (!is_full && !is_old) return;
  // Another writer of the same file may have renamed it already.
  const bool is_named =
      stat(path_.c_str(), &named) == 0 && named.st_ino == written.st_ino && named.st_dev == written.st_dev;
  if (is_named) shift_files();
  std::ignore = reopen();  // the next write reports why it cannot
}

void LineWriter::shift_files() {
  const auto name = [this](unsigned age) { return path_ + "." + std::to_string(age); };
  const std::string zipped = ".gz";
  for (unsigned age = options_.max_files - 1; age > 0; --age) {
    std::remove(name(age).c_str());
    std::remove((name(age) + zipped).c_str());
    if (age == 1) break;
    std::rename(name(age - 1).c_str(), name(age).c_str());
    std::rename((name(age - 1) + zipped).c_str(), (name(age) + zipped).c_str());
  }
  if (options_.max_files == 1)
    std::remove(path_.c_str());
  else if (std::rename(path_.c_str(), name(1).c_str()) == 0 && options_.gzip)
    compress_file(name(1));
}

// Writes `text` and removes what has been written from its front.
std::error_code LineWriter::put(std::string &text) {
  while (!text.empty()) {
    if (const auto error = wait_until_writable()) return error;
    // If poll() reports a pipe as writable, it accepts this much without blocking.
    const std::size_t size = regular_ ? text.size() : std::min<std::size_t>(text.size(), PIPE_BUF);
    const ssize_t written = ::write(fd_, text.data(), size);
    if (written > 0)
      text.erase(0, static_cast<std::size_t>(written));
    else if (written < 0 && errno != EINTR)
      return last_error();
  }
  return {};
}

std::error_code LineWriter::wait_until_writable() {
  pollfd descriptor{fd_, POLLOUT, 0};
  const int ready = poll(&descriptor, 1, patience_ms);
  if (ready < 0 && errno != EINTR) return last_error();
  if (ready != 0) return {};
  return std::make_error_code(std::errc::timed_out);
}

// Removes the last `size` bytes of the file, unless another writer has appended to it.
bool LineWriter::cut(std::size_t size) {
  if (!regular_) return false;
  struct stat status {};
  const off_t end = lseek(fd_, 0, SEEK_CUR);
  const off_t begin = end - static_cast<off_t>(size);
  return fstat(fd_, &status) == 0 && status.st_size == end && ftruncate(fd_, begin) == 0 &&
         lseek(fd_, begin, SEEK_SET) == begin;
}

}  // namespace uniad
