// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/cuda/element.h"
#include "model/engine/backend.h"
#include "model/engine/cuda_module.h"

namespace uniad::cuda {

// "auto", "fp32", "bf16", "fp16" -> what the device runs. Throws Error for another word.
ElementType choose_type(const std::string &precision, int device);

// The network by LibTorch's CUDA kernels and the ones of this folder, captured as one CUDA graph a batch
// size.
std::unique_ptr<Backend> make_backend(const Model &model, const std::string &where, int device,
                                      ElementType type);

std::vector<SelfTest> self_test(const Model &model, const std::string &where, int device, ElementType type);

}  // namespace uniad::cuda
