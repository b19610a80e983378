// SPDX-License-Identifier: Apache-2.0
// The position of the anomaly grid in the frame.
#pragma once

#include "model/config/model_config.h"

namespace uniad {

// The offset in input pixels by which the content of the deepest tapped map is further left (up) than in a
// map that is spread evenly over `extent` input pixels; negative if it is further right (down).
//
// Backbones are trained on pictures of their native size, half of them mirrored, so their maps are centered
// on the picture: n cells of `stride` pixels extend equally beyond both edges, by (stride * n - native) / 2.
// With padding that is fixed at the native size, the cells keep this position relative to the upper left
// corner; with padding that adapts to the input, they move. config: with a known backbone and valid stages.
double displacement(const BackboneConfig &config, int extent);

// The position of the first value of a model's anomaly grid, in 0..1 of the frame; the last one is 1 further.
struct GridOrigin {
  double left, top;
};

GridOrigin grid_origin(const ModelConfig &config);

}  // namespace uniad
