// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "model/engine/backend.h"
#include "model/engine/cpu/thread_pool.h"
#include "model/engine/folded.h"

namespace uniad {

enum class CpuPrecision { Fp32, Bf16 };

// Whether this processor multiplies in bf16.
bool cpu_has_bf16();

// pool: may serve other networks too, one batch at a time. Throws Error for a precision that the processor
// does not have.
std::unique_ptr<Backend> make_cpu_backend(const FoldedNetwork &network, CpuPrecision precision,
                                          std::shared_ptr<cpu::ThreadPool> pool);

}  // namespace uniad
