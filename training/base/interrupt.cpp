// SPDX-License-Identifier: Apache-2.0
#include "training/base/interrupt.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace uniad {
namespace {

constexpr std::array signals{SIGINT, SIGTERM};
constexpr std::chrono::milliseconds of_waiting{1500};
constexpr std::chrono::milliseconds of_working{30'000};

// The signals stay pending in the kernel, which serves as the flag, so no handler and no global variable are
// needed.
sigset_t defer_signals() {
  sigset_t deferred;
  sigset_t before;
  sigemptyset(&deferred);
  for (const int signal : signals) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&deferred, signal);
  }
  pthread_sigmask(SIG_BLOCK, &deferred, &before);
  return before;
}

}  // namespace

bool interrupted() {
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : signals)
    if (sigismember(&pending, signal) == 1) return true;
  return false;
}

Interrupts::Interrupts(const Progress &progress)
    : progress_(progress), mask_before_(defer_signals()), grace_(of_waiting) {
  watcher_ = std::jthread([this](const std::stop_token &stop) { watch(stop); });
}

Interrupts::~Interrupts() {
  watcher_.request_stop();
  watcher_.join();
  // A signal that has arrived is already handled. It must not end the process before the reason is reported.
  if (!interrupted()) pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Interrupts::remove_at_end(const std::filesystem::path &folder) {
  const std::lock_guard lock(mutex_);
  to_remove_.push_back(folder);
}

void Interrupts::watch(const std::stop_token &stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, std::chrono::milliseconds(50), [] { return false; });
    if (!interrupted()) {
      since_ = Clock::now();
      continue;
    }
    if (Clock::now() - since_ < grace_) continue;
    std::error_code in_use;
    for (const auto &folder : to_remove_) std::filesystem::remove_all(folder, in_use);
    progress_.last_words("interrupted");
    _exit(EXIT_FAILURE);
  }
}

Interrupts::Patience::Patience(Interrupts *interrupts) : interrupts_(interrupts) {
  if (interrupts_ == nullptr) return;
  const std::lock_guard lock(interrupts_->mutex_);
  interrupts_->grace_ = of_working;
}

Interrupts::Patience::~Patience() {
  if (interrupts_ == nullptr) return;
  const std::lock_guard lock(interrupts_->mutex_);
  interrupts_->grace_ = of_waiting;
  interrupts_->since_ = Clock::now();  // the final reports take time too
}

}  // namespace uniad
