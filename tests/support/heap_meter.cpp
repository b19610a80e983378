// SPDX-License-Identifier: Apache-2.0
#include "tests/support/heap_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> most{0};

}  // namespace

void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
  void *memory = std::malloc(size);
  const std::size_t now = held += malloc_usable_size(memory);
  std::size_t known = most;
  while (now > known && !most.compare_exchange_weak(known, now)) {
  }
  return memory;
}

void *operator new(std::size_t size) {
  void *memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void *memory) noexcept {
  held -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace uniad::test {

HeapMeter::HeapMeter() : before_(held) {
  most = before_;
}

std::size_t HeapMeter::peak() const {
  return most - before_;
}

std::ptrdiff_t HeapMeter::growth() const {
  return static_cast<std::ptrdiff_t>(held) - static_cast<std::ptrdiff_t>(before_);
}

}  // namespace uniad::test
