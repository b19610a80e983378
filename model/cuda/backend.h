// SPDX-License-Identifier: Apache-2.0
// The network on a GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/cuda/dtype.h"
#include "model/engine/backend/backend.h"
#include "model/engine/cuda_module.h"

namespace uniad::cuda {

// The element type for "auto", "fp32", "bf16" or "fp16" on the device. Throws Error for any other value.
ElementType choose_type(const std::string &precision, int device);

// The network with LibTorch's CUDA kernels and those of this folder, captured as one CUDA graph per batch
// size.
std::unique_ptr<Backend> make_backend(const Model &model, const std::string &where, int device,
                                      ElementType type);

std::vector<SelfTest> self_test(const Model &model, const std::string &where, int device, ElementType type);

}  // namespace uniad::cuda
