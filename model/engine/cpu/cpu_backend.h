// SPDX-License-Identifier: Apache-2.0
// The network on the CPU, in this project's own kernels.
#pragma once

#include <memory>

#include "model/base/thread_pool.h"
#include "model/engine/backend/backend.h"
#include "model/engine/backend/folded.h"
#include "model/kernels/kernels.h"

namespace uniad {

// Whether this processor computes in that precision.
bool cpu_has(cpu::Precision precision);

// pool: may serve other networks too, one batch at a time. Throws Error for a precision that the processor
// does not have.
std::unique_ptr<Backend> make_cpu_backend(const FoldedNetwork &network, cpu::Precision precision,
                                          std::shared_ptr<cpu::ThreadPool> pool);

}  // namespace uniad
