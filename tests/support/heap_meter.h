// SPDX-License-Identifier: Apache-2.0
// Measures heap memory.
#pragma once

#include <cstddef>

namespace uniad::test {

// Counts the bytes that operator new allocates in all threads. Linking heap_meter.cpp replaces operator new.
class HeapMeter {
 public:
  HeapMeter();
  std::size_t peak() const;       // the most bytes in use since construction, beyond those in use before
  std::ptrdiff_t growth() const;  // the bytes in use now beyond those in use before; may be negative

 private:
  std::size_t before_;
};

}  // namespace uniad::test
