// SPDX-License-Identifier: Apache-2.0
// Runs variants without kernels on the CPU, with LibTorch's reconstruction.
#pragma once

#include <c10/core/ScalarType.h>

#include <memory>
#include <string>

#include "model/base/thread_pool.h"
#include "model/engine/backend/backend.h"
#include "model/file/model_file.h"

namespace uniad {

// For a reconstruction that is not foldable() (model/engine/backend/folded.h). The features come from
// `features`, a folded network without reconstruction. LibTorch runs the reconstruction of
// model/reconstruction/ on them, in fp32 or bf16, for several pictures in parallel. Throws Error if tensors
// are missing or have another shape. where: used in errors.
std::unique_ptr<Backend> make_torch_backend(std::unique_ptr<Backend> features, const Model &model,
                                            const std::string &where, c10::ScalarType precision,
                                            std::shared_ptr<cpu::ThreadPool> pool);

}  // namespace uniad
