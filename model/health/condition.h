// SPDX-License-Identifier: Apache-2.0
// A condition that begins and ends only after a minimum time.
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
  // For discontinuities of the stream: a pending begin or end starts over.
  void interrupt() { differs_ = false; }

 private:
  bool holds_ = false;
  bool differs_ = false;  // whether the newest observation differs from the state, since `since_`
  std::chrono::nanoseconds since_{0};
};

}  // namespace uniad
