// SPDX-License-Identifier: Apache-2.0
// Chooses the kernels for this processor.
#pragma once

#include "model/kernels/kernels.h"

namespace uniad::cpu {

// The fastest kernels of a precision that this processor supports; null if there are none.
// The environment variable UNIAD_MAX_CPU_ISA (baseline, avx2, avx512, avx512_bf16, amx) sets a limit.
const Kernels *best_kernels(Precision precision);

}  // namespace uniad::cpu
