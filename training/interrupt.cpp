// SPDX-License-Identifier: Apache-2.0
#include "training/interrupt.h"

#include <array>
#include <csignal>

namespace uniad {
namespace {

constexpr std::array signals{SIGINT, SIGTERM};

}  // namespace

// The signals stay pending in the kernel, which so keeps the flag: no handler, no global.
void defer_interrupts() {
  sigset_t deferred;
  sigemptyset(&deferred);
  for (const int signal : signals) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&deferred, signal);
  }
  pthread_sigmask(SIG_BLOCK, &deferred, nullptr);
}

bool interrupted() {
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : signals)
    if (sigismember(&pending, signal) == 1) return true;
  return false;
}

}  // namespace uniad
