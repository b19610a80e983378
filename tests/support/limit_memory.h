// SPDX-License-Identifier: Apache-2.0
// Limits memory.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace uniad::test {

// AddressSanitizer reserves terabytes of address space, and needs more later.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool can_limit_memory = false;
#else
inline constexpr bool can_limit_memory = true;
#endif

// Limits this process to the given number of bytes of address space beyond what it uses now. For death tests.
inline void limit_memory(rlim_t bytes) {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  const rlim_t limit = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit all{limit, limit};
  if (setrlimit(RLIMIT_AS, &all) != 0) std::abort();
}

}  // namespace uniad::test
