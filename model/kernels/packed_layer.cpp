// SPDX-License-Identifier: Apache-2.0
#include "model/kernels/packed_layer.h"

#include <algorithm>
#include <string>

#include "model/base/error.h"

namespace uniad::cpu {

GemmArgs PackedLayer::onto(int rows, int first, int count) const {
  const std::ptrdiff_t column = std::ptrdiff_t{first} * panel_width;
  GemmArgs multiply;
  multiply.values = values;
  multiply.b = weights.data() + static_cast<std::ptrdiff_t>(weights.size()) / panels * first;
  if (!scales.empty()) {
    multiply.scales = scales.data() + column;
    multiply.offsets = offsets.data() + column;
  }
  multiply.rows = rows;
  multiply.depth = depth;
  multiply.panels = count;
  multiply.bias = bias.data() + column;
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
  layer.values = values;
  layer.depth = round_up(values, kernels.weight_depth);
  layer.bias = in_panels(bias);
  layer.panels = static_cast<int>(layer.bias.size()) / panel_width;
  layer.weights.resize(static_cast<std::size_t>(layer.depth) * layer.bias.size() *
                       static_cast<std::size_t>(kernels.weight_element));
  if (kernels.precision == Precision::Int8) {
    if (layer.depth > longest_byte_row)
      throw Error(ErrorKind::Unsupported, "int8",
                  "a layer reads " + std::to_string(values) + " values at a time", "use fp32 or bf16");
    layer.scales.resize(layer.bias.size());
    layer.offsets.resize(layer.bias.size());
  }
  kernels.pack(weights.data(), columns, values, layer.depth, layer.panels, layer.weights.data(),
               layer.scales.data(), layer.offsets.data());
  return layer;
}

}  // namespace uniad::cpu
