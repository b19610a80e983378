// SPDX-License-Identifier: Apache-2.0
// A condition that must show for some time before it holds, and be gone for some time before it ends.
#pragma once

#include <chrono>
#include <utility>

namespace uniad {

class Condition {
 public:
  // Time must not decrease. Returns whether the condition holds.
  bool update(bool shows, std::chrono::nanoseconds time, std::chrono::nanoseconds confirm,
              std::chrono::nanoseconds release) {
    if (!std::exchange(differs_, shows != holds_)) since_ = time;
    if (differs_ && time - since_ >= (shows ? confirm : release)) {
      holds_ = shows;
      differs_ = false;
    }
    return holds_;
  }

  bool holds() const { return holds_; }
  // The stream jumps: what was about to hold or to end begins anew.
  void interrupt() { differs_ = false; }

 private:
  bool holds_ = false;
  bool differs_ = false;  // what shows is not what holds, since then:
  std::chrono::nanoseconds since_{0};
};

}  // namespace uniad
