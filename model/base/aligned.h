// SPDX-License-Identifier: Apache-2.0
// Vectors in memory that starts on a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace uniad {

// Memory aligned to a cache line, so that loading a vector register accesses one line, not two.
template <typename T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  CacheLineAllocator() = default;
  template <typename U>
  explicit CacheLineAllocator(const CacheLineAllocator<U> &) {}

  T *allocate(std::size_t n) { return static_cast<T *>(::operator new(n * sizeof(T), alignment)); }
  void deallocate(T *memory, std::size_t) { ::operator delete(memory, alignment); }
  bool operator==(const CacheLineAllocator &) const = default;
};

template <typename T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace uniad
