// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "model/engine/score.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// The frame in this size, BGR, 8 bit.
cv::Mat to_bgr(const FrameView &frame, int width, int height);

// The frame in its own size, BGR, half covered by its anomaly map in JET colours, with a box around every
// region at or above the threshold. With `normal` blue is its mean score, and red ends where the overlay's
// heat does (model/levels.h). Without, the colours span the map's own range.
cv::Mat draw_heatmap(const FrameView &frame, const Grid &grid, const ScoreStatistics *normal);

}  // namespace uniad
