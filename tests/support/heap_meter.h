// SPDX-License-Identifier: Apache-2.0
// Measures memory.
#pragma once

#include <cstddef>

namespace uniad::test {

// Counts what operator new hands out, in all threads. A test that links it has operator new replaced.
class HeapMeter {
 public:
  HeapMeter();
  std::size_t peak() const;  // bytes held at once since construction, at most, beyond those held before

 private:
  std::size_t before_;
};

}  // namespace uniad::test
