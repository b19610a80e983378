// SPDX-License-Identifier: Apache-2.0
#include "tests/model/engine/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> calls{0};

}  // namespace

void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
  ++calls;
  return std::malloc(size);
}

void *operator new(std::size_t size) {
  void *memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void *operator new(std::size_t size, std::align_val_t alignment) {
  ++calls;
  const auto unit = static_cast<std::size_t>(alignment);
  void *memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void *memory) noexcept {
  std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept {
  std::free(memory);
}

void operator delete(void *memory, std::align_val_t) noexcept {
  std::free(memory);
}

void operator delete(void *memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace uniad::test {

AllocationCounter::AllocationCounter() : before_(calls) {}

std::size_t AllocationCounter::count() const {
  return calls - before_;
}

}  // namespace uniad::test
