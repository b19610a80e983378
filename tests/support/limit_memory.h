// SPDX-License-Identifier: Apache-2.0
// Limits memory.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace uniad::test {

// AddressSanitizer needs terabytes of address space, and whatever it wants later.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool can_limit_memory = false;
#else
inline constexpr bool can_limit_memory = true;
#endif

// From here on this process gets so many bytes of address space more: for death tests.
inline void limit_memory(rlim_t bytes) {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  const rlim_t limit = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit all{limit, limit};
  if (setrlimit(RLIMIT_AS, &all) != 0) std::abort();
}

}  // namespace uniad::test
