// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>

namespace uniad {

// The picture in `mode` (cv::IMREAD_COLOR, cv::IMREAD_GRAYSCALE). Throws Error: not there, empty, cut short,
// no picture, more pixels than OpenCV takes (2^30).
cv::Mat read_picture(const std::filesystem::path &path, int mode);

}  // namespace uniad
