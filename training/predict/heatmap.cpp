// SPDX-License-Identifier: Apache-2.0
#include "training/predict/heatmap.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/engine/judgment.h"
#include "model/preprocess/preprocess.h"
#include "model/scoring/levels.h"

namespace uniad {
namespace {

std::pair<double, double> color_range(const Grid &grid, const std::vector<Region> &found,
                                      const ScoreStatistics *normal) {
  if (normal != nullptr && normal->threshold > normal->mean) {
    const double strongest = found.empty() ? 0.0 : static_cast<double>(found.front().score);
    return {normal->mean, heat_end(normal->threshold, strongest)};
  }
  const auto [lowest, highest] = std::minmax_element(grid.values.begin(), grid.values.end());
  return {*lowest, *highest};
}

}  // namespace

cv::Mat to_bgr(const FrameView &frame, int width, int height) {
  InputConfig size;
  size.width = width;
  size.height = height;
  cv::Mat picture(height, width, CV_8UC3);
  // resize() converts any layout, even if the size does not change.
  Preprocessor(size).resize(frame, {picture.data, picture.total() * picture.elemSize()});
  cv::cvtColor(picture, picture, cv::COLOR_RGB2BGR);
  return picture;
}

cv::Mat draw_heatmap(const FrameView &frame, const Detection &detection, const ScoreStatistics *normal) {
  const auto threshold = normal != nullptr ? std::optional(normal->threshold) : std::nullopt;
  const std::vector<Region> found = judgment_of(detection, threshold).regions;
  Grid grid = detection.grid;
  if (detection.zones) clear_unjudged(*detection.zones, grid);
  auto picture = to_bgr(frame, frame.width, frame.height);
  const auto [blue, red] = color_range(grid, found, normal);
  const auto scale = red > blue ? 255 / (red - blue) : 0.0;
  Grid map = upsample(grid, picture.cols, picture.rows);
  cv::Mat heat;
  cv::Mat(map.height, map.width, CV_32F, map.values.data()).convertTo(heat, CV_8U, scale, -blue * scale);
  cv::applyColorMap(heat, heat, cv::COLORMAP_JET);
  cv::addWeighted(picture, 0.5, heat, 0.5, 0, picture);
  const auto thickness = std::max(1, std::min(picture.cols, picture.rows) / 200);
  for (const auto &region : found) {
    const auto pixels = [](float share, int extent) {
      return static_cast<int>(std::lround(share * static_cast<float>(extent)));
    };
    const cv::Rect box(pixels(region.x, picture.cols), pixels(region.y, picture.rows),
                       pixels(region.width, picture.cols), pixels(region.height, picture.rows));
    cv::rectangle(picture, box, cv::Scalar(255, 255, 255), thickness);
  }
  return picture;
}

}  // namespace uniad
