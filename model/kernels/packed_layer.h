// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "model/kernels/kernels.h"
#include "model/preprocess/aligned.h"

namespace uniad::cpu {

constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Memory for elements, zeroed once.
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

// Weights as Kernels::multiply reads them, with their bias.
struct PackedLayer {
  AlignedVector<std::byte> weights;
  AlignedVector<float> bias;
  AlignedVector<float> scales, offsets;  // int8 alone
  int values = 0;                        // of a row
  int depth = 0;                         // padded
  int panels = 0;                        // of columns

  // What `count` panels of them from `first` on are to multiply(); all of them.
  Multiply onto(int rows, int first, int count) const;
  Multiply onto(int rows) const { return onto(rows, 0, panels); }
};

// weights: (columns, values).
PackedLayer pack(const Kernels &kernels, std::span<const float> weights, int values,
                 std::span<const float> bias);

// Values, filled up with zeros to whole panels.
AlignedVector<float> in_panels(std::span<const float> values);

}  // namespace uniad::cpu
