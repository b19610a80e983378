// SPDX-License-Identifier: Apache-2.0
// Limits the instruction set.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace uniad::test {

// Sets UNIAD_MAX_CPU_ISA for the lifetime of this object.
class InstructionLimit {
 public:
  explicit InstructionLimit(const char *limit) {
    if (const char *before = std::getenv(name)) before_ = before;
    setenv(name, limit, 1);
  }
  ~InstructionLimit() {
    if (before_)
      setenv(name, before_->c_str(), 1);
    else
      unsetenv(name);
  }
  InstructionLimit(const InstructionLimit &) = delete;
  InstructionLimit &operator=(const InstructionLimit &) = delete;

 private:
  static constexpr const char *name = "UNIAD_MAX_CPU_ISA";
  std::optional<std::string> before_;
};

}  // namespace uniad::test
