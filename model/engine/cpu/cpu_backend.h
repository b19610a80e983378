// SPDX-License-Identifier: Apache-2.0
// Runs the network on the CPU with this project's own kernels.
#pragma once

#include <memory>

#include "model/base/thread_pool.h"
#include "model/engine/backend/backend.h"
#include "model/engine/backend/folded.h"
#include "model/kernels/kernels.h"

namespace uniad {

// Whether this processor supports the precision.
bool cpu_has(cpu::Precision precision);

// pool: may be shared with other networks, one batch at a time. Throws Error if the processor does not
// support the precision.
std::unique_ptr<Backend> make_cpu_backend(const FoldedNetwork &network, cpu::Precision precision,
                                          std::shared_ptr<cpu::ThreadPool> pool);

}  // namespace uniad
