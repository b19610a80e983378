// SPDX-License-Identifier: Apache-2.0
// Simulates a full disk.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace uniad::test {

// Simulates a full disk: no file of this process can grow beyond `size` bytes.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) {
    getrlimit(RLIMIT_FSIZE, &was_);
    const rlimit full{size, was_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &was_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk &) = delete;
  FullDisk &operator=(const FullDisk &) = delete;

 private:
  rlimit was_{};
  void (*handler_)(int) = nullptr;
};

}  // namespace uniad::test
