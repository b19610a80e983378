// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>

#include "model/preprocess/frame_view.h"

namespace uniad {

// The picture in `mode` (cv::IMREAD_COLOR, cv::IMREAD_GRAYSCALE). Throws Error: not there, empty, cut short,
// no picture, more pixels than OpenCV takes (2^30).
cv::Mat read_picture(const std::filesystem::path &path, int mode);

// Whether the file's format does not keep pixels as they were: JPEG, JPEG 2000, WebP unless it says that it
// is lossless. False where it cannot be read.
bool is_lossy_picture(const std::filesystem::path &path);

// A picture of 8 bit BGR, as it lies in memory.
FrameView view_of(const cv::Mat &bgr);

}  // namespace uniad
