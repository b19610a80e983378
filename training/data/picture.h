// SPDX-License-Identifier: Apache-2.0
// Reads pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>
#include <string>

#include "model/preprocess/frame_view.h"

namespace uniad {

// Reads a picture in `mode` (cv::IMREAD_COLOR, cv::IMREAD_GRAYSCALE). Throws Error if it does not exist, is
// not a file, is empty, truncated or damaged (as reported by the decoder's warnings), is not a picture, or
// has more pixels than OpenCV supports (2^30).
cv::Mat read_picture(const std::filesystem::path &path, int mode);

// A picture as 8-bit BGR.
struct ColorPicture {
  cv::Mat bgr;
  std::optional<std::uint16_t> most;  // the largest value, if the file has 16-bit values
};

// Reads a picture in color. Gray becomes three equal channels, alpha is dropped, and the EXIF rotation is
// applied. bits: number of significant bits of 16-bit values (9 to 16; absent: all). Throws Error like
// read_picture().
ColorPicture read_color_picture(const std::filesystem::path &path, std::optional<int> bits = std::nullopt);

// Returns libjpeg's warnings about a JPEG; empty if there are none. libjpeg fills damaged or missing parts
// with gray or with neighboring pixels, which the network would learn as normal, and OpenCV and GStreamer do
// not report them. The picture is decoded at an eighth of its size to save time.
std::string warning_of_jpeg(std::span<const std::uint8_t> bytes);

// Whether the file's format is lossy: JPEG, JPEG 2000, or WebP that is not marked as lossless. False if it
// cannot be read.
bool is_lossy_picture(const std::filesystem::path &path);

// A view of an 8-bit BGR picture.
FrameView view_of(const cv::Mat &bgr);

}  // namespace uniad
