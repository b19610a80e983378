// SPDX-License-Identifier: Apache-2.0
#include "training/data/mask.h"

#include <opencv2/imgcodecs.hpp>

#include "training/data/picture.h"

namespace uniad {

std::vector<std::uint8_t> read_mask(const std::filesystem::path &path, int width, int height) {
  const auto mask = read_picture(path, cv::IMREAD_GRAYSCALE);
  std::vector<std::uint8_t> resized;
  resized.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  // Pillow's NEAREST takes the pixel under the centre of the new one: floor((x + 1/2) * old / new).
  const auto source = [](int at, int from, int to) {
    return static_cast<int>((2 * static_cast<std::int64_t>(at) + 1) * from /
                            (2 * static_cast<std::int64_t>(to)));
  };
  for (int y = 0; y < height; ++y) {
    const auto *row = mask.ptr<std::uint8_t>(source(y, mask.rows, height));
    for (int x = 0; x < width; ++x) resized.push_back(row[source(x, mask.cols, width)] > 0 ? 1 : 0);
  }
  return resized;
}

bool has_abnormal_pixel(const std::filesystem::path &mask) {
  return cv::countNonZero(read_picture(mask, cv::IMREAD_GRAYSCALE)) > 0;
}

}  // namespace uniad
