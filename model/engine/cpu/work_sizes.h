// SPDX-License-Identifier: Apache-2.0
// Divides the work on a map into tasks, and computes the memory that it needs.
#pragma once

#include <cstddef>

#include "model/engine/backend/folded.h"
#include "model/kernels/packed_layer.h"

namespace uniad::cpu {

inline std::size_t size_of_map(int rows, int stride) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(stride);
}

inline bool reads_pixels_as_they_are(const Convolution &shape) {
  return shape.kernel == 1 && shape.stride == 1;
}

// The number of rows for each of `parts` tasks: a multiple of `tile`, as even as possible.
inline int rows_a_task(int rows, int parts, int tile) {
  return round_up((rows + parts - 1) / parts, tile);
}

inline int tasks_for(int rows, int rows_each) {
  return (rows + rows_each - 1) / rows_each;
}

// The number of patch values that a task processes at a time, so that they stay in the cache.
inline constexpr std::size_t patch_values = std::size_t{64} * 1024;

}  // namespace uniad::cpu
