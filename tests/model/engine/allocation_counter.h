// SPDX-License-Identifier: Apache-2.0
// Counts allocations.
#pragma once

#include <cstddef>

namespace uniad::test {

// Counts calls of operator new in all threads. Linking allocation_counter.cpp replaces operator new.
class AllocationCounter {
 public:
  AllocationCounter();
  std::size_t count() const;  // since construction

 private:
  std::size_t before_;
};

}  // namespace uniad::test
