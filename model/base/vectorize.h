// SPDX-License-Identifier: Apache-2.0
// Marks inner loops that are compiled for several instruction sets.
#pragma once

// Marks an inner loop that is compiled for several instruction sets; the best one that the machine supports
// is selected when the program is loaded. The results are the same for all of them.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define UNIAD_VECTORIZE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UNIAD_VECTORIZE
#endif
