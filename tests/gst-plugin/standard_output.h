// SPDX-License-Identifier: Apache-2.0
// Captures standard output.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace uniad::test {

// Redirects standard output of this process to `fd`, which it owns, until it is destroyed.
class StandardOutput {
 public:
  explicit StandardOutput(int fd) {
    std::fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    close(fd);
  }
  ~StandardOutput() {
    std::fflush(stdout);
    dup2(before_, STDOUT_FILENO);
    close(before_);
  }
  StandardOutput(const StandardOutput &) = delete;
  StandardOutput &operator=(const StandardOutput &) = delete;

 private:
  int before_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
};

}  // namespace uniad::test
