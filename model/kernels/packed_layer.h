// SPDX-License-Identifier: Apache-2.0
// A linear layer with its weights packed for the kernels.
#pragma once

#include <cstddef>
#include <span>

#include "model/base/aligned.h"
#include "model/kernels/kernels.h"

namespace uniad::cpu {

constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Memory for elements, initialized with zeros.
class Elements {
 public:
  Elements() = default;
  Elements(const Kernels &kernels, std::size_t count)
      : bytes_(count * static_cast<std::size_t>(kernels.element)) {}

  std::byte *data() { return bytes_.data(); }
  const std::byte *data() const { return bytes_.data(); }

 private:
  AlignedVector<std::byte> bytes_;
};

// Weights packed for Kernels::multiply, with their bias.
struct PackedLayer {
  AlignedVector<std::byte> weights;
  AlignedVector<float> bias;
  AlignedVector<float> scales, offsets;  // int8 only
  int values = 0;                        // per row
  int depth = 0;                         // padded
  int panels = 0;                        // number of panels of columns

  // The arguments of multiply() for `count` panels from `first` on; for all panels.
  GemmArgs onto(int rows, int first, int count) const;
  GemmArgs onto(int rows) const { return onto(rows, 0, panels); }
};

// weights: (columns, values).
PackedLayer pack(const Kernels &kernels, std::span<const float> weights, int values,
                 std::span<const float> bias);

// Values, zero-padded to whole panels.
AlignedVector<float> in_panels(std::span<const float> values);

}  // namespace uniad::cpu
