// SPDX-License-Identifier: Apache-2.0
// The network on the CPU with LibTorch's reconstruction, for variants without kernels.
#pragma once

#include <c10/core/ScalarType.h>

#include <memory>
#include <string>

#include "model/base/thread_pool.h"
#include "model/engine/backend/backend.h"
#include "model/file/model_file.h"

namespace uniad {

// For a reconstruction that is not foldable() (model/engine/backend/folded.h): the features come from
// `features`, a folded network without reconstruction; the model's own, of model/reconstruction/, is run on
// them by LibTorch, in fp32 or bf16, several pictures side by side. Throws Error for tensors that are missing
// or of another shape; `where` is for it.
std::unique_ptr<Backend> make_torch_backend(std::unique_ptr<Backend> features, const Model &model,
                                            const std::string &where, c10::ScalarType precision,
                                            std::shared_ptr<cpu::ThreadPool> pool);

}  // namespace uniad
