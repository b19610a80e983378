// SPDX-License-Identifier: Apache-2.0
// Draws the heatmap on a picture.
#pragma once

#include <opencv2/core/mat.hpp>

#include "model/engine/detector.h"
#include "model/preprocess/frame_view.h"
#include "model/scoring/score.h"

namespace uniad {

// The frame at this size, as 8-bit BGR.
cv::Mat to_bgr(const FrameView &frame, int width, int height);

// The frame at its own size, as BGR, blended equally with its anomaly map in JET colors, with a box around
// every anomalous region. Where zones say that nothing is judged, the map is 0. With `normal`, blue is its
// mean score, and red ends at the same value as in the overlay (model/scoring/levels.h). Otherwise, the
// colors span the map's own range.
cv::Mat draw_heatmap(const FrameView &frame, const Detection &detection, const ScoreStatistics *normal);

}  // namespace uniad
