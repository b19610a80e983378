// SPDX-License-Identifier: Apache-2.0
// Parts of the network in ONNX.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/engine/backend/folded.h"
#include "model/scoring/score.h"
#include "training/export/onnx_graph.h"

namespace uniad {

// Transposes a matrix with rows of `columns` values.
std::vector<float> transposed(std::span<const float> matrix, std::size_t columns);

// A linear layer's matrix, with rows of `in` values, for multiplication from the right.
OnnxGraph::Value right_matrix(OnnxGraph &graph, const std::string &name, std::span<const float> weights,
                              std::int64_t in);

// Resizes maps of this size on the last two axes, as rows * map * columns^T. (Constant matrices are used
// because engines differ in how they resize.)
OnnxGraph::Value resized(OnnxGraph &graph, const std::string &name, const OnnxGraph::Value &map, MapSize size,
                         const std::vector<Band> &rows, const std::vector<Band> &columns);

// Over the last axis.
OnnxGraph::Value mean_square(OnnxGraph &graph, const std::string &name, const OnnxGraph::Value &values);

}  // namespace uniad
