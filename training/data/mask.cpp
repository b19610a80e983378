// SPDX-License-Identifier: Apache-2.0
#include "training/data/mask.h"

#include <algorithm>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "model/base/error.h"
#include "training/data/picture.h"

namespace uniad {

namespace {

std::string text_of(PictureShape shape) {
  return std::to_string(shape.width) + "x" + std::to_string(shape.height);
}

// Compares aspect ratios with a tolerance, because each side may have been rounded by half a pixel.
bool same_shape(PictureShape a, PictureShape b) {
  const auto product = [](int x, int y) { return static_cast<std::int64_t>(x) * y; };
  return std::abs(product(a.width, b.height) - product(b.width, a.height)) <=
         std::max({a.width, a.height, b.width, b.height});
}

// Returns a picture that is non-zero where the mask is abnormal. Lossy compression leaves faint rings around
// drawn shapes, so only bright pixels count in lossy formats.
cv::Mat abnormal_pixels(const std::filesystem::path &path) {
  cv::Mat mask = read_picture(path, cv::IMREAD_GRAYSCALE);
  if (!is_lossy_picture(path)) return mask;
  double most = 0;
  cv::minMaxLoc(mask, nullptr, &most);
  return most > 0 ? cv::Mat(mask >= most / 2) : mask;
}

}  // namespace

std::vector<std::uint8_t> read_masks(std::span<const std::filesystem::path> masks, int width, int height,
                                     std::optional<PictureShape> shape) {
  std::vector<std::uint8_t> together(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  // Pillow's NEAREST takes the old pixel under the center of the new one: floor((x + 1/2) * old / new).
  const auto source = [](int at, int from, int to) {
    return static_cast<int>((2 * static_cast<std::int64_t>(at) + 1) * from /
                            (2 * static_cast<std::int64_t>(to)));
  };
  for (const auto &path : masks) {
    const cv::Mat mask = abnormal_pixels(path);
    const PictureShape own{mask.cols, mask.rows};
    if (shape && !same_shape(own, *shape))
      throw Error(ErrorKind::Malformed, path.string(),
                  "is " + text_of(own) + ", but its picture is " + text_of(*shape),
                  "provide a mask of the same size as the picture");
    auto pixel = together.begin();
    for (int y = 0; y < height; ++y) {
      const auto *row = mask.ptr<std::uint8_t>(source(y, mask.rows, height));
      for (int x = 0; x < width; ++x, ++pixel)
        if (row[source(x, mask.cols, width)] > 0) *pixel = 1;
    }
  }
  return together;
}

bool has_abnormal_pixel(const std::filesystem::path &mask) {
  return cv::countNonZero(abnormal_pixels(mask)) > 0;
}

}  // namespace uniad
