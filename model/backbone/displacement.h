// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/file/model_file.h"

namespace uniad {

// By how many input pixels what the deepest tapped map tells lies further left (up) than a map drawn evenly
// over `extent` input pixels shows it; negative: further right (down).
//
// Backbones learn from pictures of their native size, half of them mirrored, so a map of theirs comes to lie
// in the middle of the picture: its n cells, `stride` pixels each, reach beyond both edges alike, by
// (stride * n - native) / 2. Padding that stays what it was at native size keeps them where they are by the
// upper left corner; padding that adapts to the input moves them.
// `config`: of a known backbone and its stages.
double displacement(const BackboneConfig &config, int extent);

// Where the first value of a model's anomaly grid lies, in 0..1 of the frame; the last lies at that + 1.
struct GridOrigin {
  double left, top;
};

GridOrigin grid_origin(const ModelConfig &config);

}  // namespace uniad
