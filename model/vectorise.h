// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks an inner loop that the compiler builds for several instruction sets; the best one that the machine
// has is taken when the program is loaded. The results are the same on all of them.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define UNIAD_VECTORISE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UNIAD_VECTORISE
#endif
