// SPDX-License-Identifier: Apache-2.0
#include "model/kernels/packed_layer.h"

#include <algorithm>

namespace uniad::cpu {

Multiply PackedLayer::onto(int rows) const {
  Multiply multiply;
  multiply.b = weights.data();
  multiply.rows = rows;
  multiply.depth = depth;
  multiply.panels = panels;
  multiply.bias = bias.data();
  return multiply;
}

AlignedVector<float> in_panels(std::span<const float> values) {
  AlignedVector<float> padded(
      static_cast<std::size_t>(round_up(static_cast<int>(values.size()), panel_width)));
  std::copy(values.begin(), values.end(), padded.begin());
  return padded;
}

PackedLayer pack(const Kernels &kernels, std::span<const float> weights, int values,
                 std::span<const float> bias) {
  const auto columns = static_cast<int>(bias.size());
  PackedLayer layer;
  layer.depth = round_up(values, kernels.depth);
  layer.bias = in_panels(bias);
  layer.panels = static_cast<int>(layer.bias.size()) / panel_width;
  layer.weights = Elements(kernels, static_cast<std::size_t>(layer.depth) * layer.bias.size());
  kernels.pack(weights.data(), columns, values, layer.depth, layer.panels, layer.weights.data());
  return layer;
}

}  // namespace uniad::cpu
