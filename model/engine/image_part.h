// SPDX-License-Identifier: Apache-2.0
// Adds to the score of a frame what it shows as a whole, and tells which part raised it.
#pragma once

#include <optional>

#include "model/engine/detector.h"
#include "model/scoring/calibration.h"

namespace uniad {

// Sets `image_part` and `usual_score` of a detection, and adds the former to its `score`. normal: of the
// frame's source; may be null. distance: of the whole picture (Scene::image); absent if the statistics cannot
// tell. Frames that are judged by watch zones keep their local scores.
void add_image_part(const ScoreStatistics *normal, std::optional<float> distance, Detection &detection);

// What raised a score to its threshold.
enum class RaisedBy {
  Local,  // a place of the picture
  Image,  // the picture as a whole
  Both    // each of the two would have, or neither alone
};

// For a detection whose score reaches the threshold. Each part is tried alone, with the usual value in place
// of the other one. The result is the part that reaches the threshold alone, or Both if neither or each does.
RaisedBy raised_by(const Detection &detection, double threshold);

// "local", "image" or "both".
const char *name_of(RaisedBy part);

}  // namespace uniad
