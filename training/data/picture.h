// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>
#include <string>

#include "model/preprocess/frame_view.h"

namespace uniad {

// The picture in `mode` (cv::IMREAD_COLOR, cv::IMREAD_GRAYSCALE). Throws Error: not there, no file, empty,
// cut short or damaged (whatever the decoder warns of), no picture, more pixels than OpenCV takes (2^30).
cv::Mat read_picture(const std::filesystem::path &path, int mode);

// A picture as 8 bit BGR.
struct ColourPicture {
  cv::Mat bgr;
  std::optional<std::uint16_t> most;  // the largest value, where the file has 16 bits a value
};

// The picture in colour, grey as three equal channels; alpha is dropped, EXIF's rotation is applied. Of
// values of 16 bits, `bits` are used (9 to 16; absent: all). Throws Error as read_picture().
ColourPicture read_colour_picture(const std::filesystem::path &path, std::optional<int> bits = std::nullopt);

// What libjpeg warns of while it reads a JPEG; empty: of nothing. It fills what is damaged or missing with
// grey or with neighbours, and the network would learn that as normal; OpenCV and GStreamer keep it to
// themselves. The data is read to an eighth of its size, which costs little.
std::string warning_of_jpeg(std::span<const std::uint8_t> bytes);

// Whether the file's format does not keep pixels as they were: JPEG, JPEG 2000, WebP unless it says that it
// is lossless. False where it cannot be read.
bool is_lossy_picture(const std::filesystem::path &path);

// A picture of 8 bit BGR, as it lies in memory.
FrameView view_of(const cv::Mat &bgr);

}  // namespace uniad
