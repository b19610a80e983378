// SPDX-License-Identifier: Apache-2.0
#include "training/predict/heatmap.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

cv::Mat draw(const cv::Mat &bgr, const Grid &grid, const ScoreStatistics *normal) {
  FrameView view;
  view.layout = PixelLayout::BGR;
  view.width = bgr.cols;
  view.height = bgr.rows;
  view.planes[0] = {bgr.data, static_cast<std::ptrdiff_t>(bgr.step[0])};
  Detection detection;
  detection.grid = grid;
  detection.score = image_score(grid, ScoreKind::Max);
  return draw_heatmap(view, detection, normal);
}

Grid hot_corner() {
  Grid grid{14, 14, std::vector<float>(196, 10.0F)};
  for (const std::size_t cell : {0U, 1U, 2U, 14U, 15U, 16U, 28U, 29U, 30U}) grid.values[cell] = 30;
  return grid;
}

TEST(Heatmap, IsBlueAtTheNormalMeanRedAboveAndBoxesTheRegion) {
  const ScoreStatistics normal{20, 10, 2.5, 100};
  const auto picture = draw(cv::Mat(280, 420, CV_8UC3, cv::Scalar(0, 0, 0)), hot_corner(), &normal);
  ASSERT_EQ(picture.size(), cv::Size(420, 280));
  // JET at 0 is (B 128, G 0, R 0), at 255 (0, 0, 128); half of it over black.
  EXPECT_EQ(picture.at<cv::Vec3b>(250, 400), cv::Vec3b(64, 0, 0));
  EXPECT_EQ(picture.at<cv::Vec3b>(20, 30), cv::Vec3b(0, 0, 64));
  int white = 0;
  for (int x = 0; x < picture.cols; ++x) white += picture.at<cv::Vec3b>(30, x) == cv::Vec3b(255, 255, 255);
  EXPECT_GE(white, 1);  // the box's edge crosses the row
}

// With defects of 30 and of 2 thresholds, a single flat red would hide the strong one.
TEST(Heatmap, KeepsThePeakOfAStrongDefectVisible) {
  const ScoreStatistics normal{1, 0.5, 0.1, 100};
  Grid grid = hot_corner();
  for (float &value : grid.values) value = value > 20 ? 30 : 2;
  const auto picture = draw(cv::Mat(280, 420, CV_8UC3, cv::Scalar(0, 0, 0)), grid, &normal);
  EXPECT_EQ(picture.at<cv::Vec3b>(20, 30), cv::Vec3b(0, 0, 64));
  EXPECT_EQ(picture.at<cv::Vec3b>(250, 400)[2], 0) << "no red";
}

TEST(Heatmap, WithoutCalibrationSpansItsOwnRange) {
  const auto picture = draw(cv::Mat(280, 420, CV_8UC3, cv::Scalar(200, 200, 200)), hot_corner(), nullptr);
  EXPECT_EQ(picture.at<cv::Vec3b>(250, 400), cv::Vec3b(164, 100, 100));
  EXPECT_EQ(picture.at<cv::Vec3b>(20, 30), cv::Vec3b(100, 100, 164));
}

TEST(Heatmap, OfAFlatMapAndATinyPicture) {
  EXPECT_EQ(draw(cv::Mat(1, 1, CV_8UC3, cv::Scalar(0, 0, 0)), Grid{2, 2, {5, 5, 5, 5}}, nullptr).total(), 1U);
}

}  // namespace
}  // namespace uniad
