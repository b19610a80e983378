// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/engine/folded.h"
#include "model/engine/score.h"
#include "training/export/onnx_graph.h"

namespace uniad {

// Rows of `columns` values each become columns.
std::vector<float> transposed(std::span<const float> matrix, std::size_t columns);

// A linear layer's matrix, rows of `in` values, to multiply with from the right.
OnnxGraph::Value right_matrix(OnnxGraph &graph, const std::string &name, std::span<const float> weights,
                              std::int64_t in);

// rows * map * columns^T, of maps of that size on the last two axes. (Products with constant matrices, as
// engines differ in how they resize.)
OnnxGraph::Value resized(OnnxGraph &graph, const std::string &name, const OnnxGraph::Value &map, MapSize size,
                         const std::vector<Band> &rows, const std::vector<Band> &columns);

// Over the last axis.
OnnxGraph::Value mean_square(OnnxGraph &graph, const std::string &name, const OnnxGraph::Value &values);

}  // namespace uniad
