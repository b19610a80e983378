// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stuck_disk.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<bool> is_stuck = false;
std::atomic<int> writers = 0;

bool is_file(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

void wait_for_disk(int fd) {
  if (!is_stuck || fd <= STDERR_FILENO || !is_file(fd)) return;
  ++writers;
  writers.notify_all();
  is_stuck.wait(true);
  --writers;
}

}  // namespace

// In place of libc's, also for the libraries of the program.
extern "C" ssize_t write(int fd, const void *data, size_t size) {
  wait_for_disk(fd);
  return syscall(SYS_write, fd, data, size);
}
extern "C" int fdatasync(int fd) {
  wait_for_disk(fd);
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace uniad::test {

StuckDisk::StuckDisk() {
  is_stuck = true;
}

StuckDisk::~StuckDisk() {
  is_stuck = false;
  is_stuck.notify_all();
}

void StuckDisk::await_writer() {
  writers.wait(0);
}

}  // namespace uniad::test
