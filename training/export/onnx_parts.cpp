// SPDX-License-Identifier: Apache-2.0
#include "training/export/onnx_parts.h"

namespace uniad {

using Value = OnnxGraph::Value;
using Shape = OnnxGraph::Shape;

namespace {

// (outputs, from), row-major.
std::vector<float> matrix_of(const std::vector<Band> &bands, int from) {
  const auto width = static_cast<std::size_t>(from);
  std::vector<float> matrix(bands.size() * width);
  for (std::size_t i = 0; i < bands.size(); ++i)
    for (std::size_t k = 0; k < static_cast<std::size_t>(bands[i].count); ++k)
      matrix[i * width + static_cast<std::size_t>(bands[i].first) + k] =
          static_cast<float>(bands[i].weights[k]);
  return matrix;
}

}  // namespace

std::vector<float> transposed(std::span<const float> matrix, std::size_t columns) {
  const std::size_t rows = matrix.size() / columns;
  std::vector<float> result(matrix.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) result[c * rows + r] = matrix[r * columns + c];
  return result;
}

Value resized(OnnxGraph &graph, const std::string &name, const Value &map, MapSize size,
              const std::vector<Band> &rows, const std::vector<Band> &columns) {
  const auto height = static_cast<std::int64_t>(rows.size());
  const auto width = static_cast<std::int64_t>(columns.size());
  const Value from_right = graph.constant(
      name + "/columns", transposed(matrix_of(columns, size.width), static_cast<std::size_t>(size.width)),
      {size.width, width});
  const Value from_left = graph.constant(name + "/rows", matrix_of(rows, size.height), {height, size.height});
  return graph.add("MatMul", name, {from_left, graph.add("MatMul", name + "/wide", {map, from_right})});
}

Value right_matrix(OnnxGraph &graph, const std::string &name, std::span<const float> weights,
                   std::int64_t in) {
  const auto out = static_cast<std::int64_t>(weights.size()) / in;
  return graph.constant(name, transposed(weights, static_cast<std::size_t>(in)), {in, out});
}

Value mean_square(OnnxGraph &graph, const std::string &name, const Value &values) {
  return graph.add("ReduceMean", name, {graph.add("Mul", name + "/square", {values, values})},
                   {{"axes", Shape{-1}}, {"keepdims", std::int64_t{0}}});
}

}  // namespace uniad
