// SPDX-License-Identifier: Apache-2.0
// Blocks the signals that a failing write sends to its thread.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace uniad {

// While it lives, a write to a closed connection or beyond the limit of a file's size does not end the
// process.
class NoWriteSignals {
 public:
  NoWriteSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGPIPE);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~NoWriteSignals() {
    const timespec now{};
    while (sigtimedwait(&signals_, nullptr, &now) > 0 || errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoWriteSignals(const NoWriteSignals &) = delete;
  NoWriteSignals &operator=(const NoWriteSignals &) = delete;

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

}  // namespace uniad
