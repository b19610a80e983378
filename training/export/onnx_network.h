// SPDX-License-Identifier: Apache-2.0
// The network as an ONNX graph.
#pragma once

#include "model/engine/backend/folded.h"
#include "training/export/onnx_graph.h"

namespace uniad {

// Writes the parts of a folded network into a graph. Features: (batch, tokens, channels).

// Backbone, neck, standardizing and whitening. image: (batch, 3, height, width).
OnnxGraph::Value write_features(OnnxGraph &graph, const FoldedNetwork &network,
                                const OnnxGraph::Value &image);

// UniAD's reconstruction of the features.
OnnxGraph::Value write_reconstruction(OnnxGraph &graph, const FoldedReconstruction &network, MapSize grid,
                                      const OnnxGraph::Value &features);

}  // namespace uniad
