// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/gallery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <random>

#include "training/data/picture.h"

namespace uniad {
namespace {

constexpr ScoreStatistics normal{5, 1, 1, 100};  // threshold 5

Detection detection(float score) {
  Detection detection;
  detection.grid = {2, 2, std::vector<float>(4, score)};
  detection.score = score;
  return detection;
}

void offer(Gallery &gallery, const Item &item, float score, int width = 8, int height = 8) {
  const cv::Mat picture(height, width, CV_8UC3, cv::Scalar(0, 0, 255));
  gallery.offer(item, item.abnormal, detection(score), view_of(picture));
}

std::vector<float> scores_of(const Extremes &extremes) {
  std::vector<float> scores;
  for (const auto &exhibit : extremes.exhibits()) scores.push_back(exhibit.score);
  return scores;
}

TEST(Gallery, KeepsTheMostExtremeInOrder) {
  std::mt19937 random(1);
  std::vector<float> scores(500);
  for (auto &score : scores) score = static_cast<float>(random() % 10'000);
  Gallery gallery(normal);
  for (const float score : scores) offer(gallery, {"a.png", {}, true, {}, {}}, score);
  std::sort(scores.begin(), scores.end());
  EXPECT_EQ(scores_of(gallery.abnormal_lowest), std::vector<float>(scores.begin(), scores.begin() + 6));
  EXPECT_EQ(scores_of(gallery.abnormal_highest), std::vector<float>(scores.rbegin(), scores.rbegin() + 6));
  EXPECT_TRUE(gallery.normal_highest.exhibits().empty());
  EXPECT_TRUE(gallery.unlabeled_highest.exhibits().empty());
}

TEST(Gallery, OfLikeFramesOnlyTheBestIsShown) {
  Gallery gallery(normal);
  for (std::int64_t n = 0; n < 100; ++n)
    offer(gallery, {"v.mp4", n, std::nullopt, {}, {}}, static_cast<float>(n == 70 ? 1000 : n));
  offer(gallery, {"w.mp4", 70, std::nullopt, {}, {}}, 500);
  const auto scores = scores_of(gallery.unlabeled_highest);
  ASSERT_GE(scores.size(), 3U);
  EXPECT_EQ(scores[0], 1000);
  EXPECT_EQ(scores[1], 500);  // of another video
  EXPECT_EQ(scores[2], 99);   // 29 frames from the best one
}

TEST(Gallery, ShowsThePictureAndItsHeatmapSmall) {
  Gallery gallery(normal);
  offer(gallery, {"a.png", {}, false, {}, {}}, 9, 1120, 560);
  const auto &exhibit = gallery.normal_highest.exhibits().at(0);
  EXPECT_TRUE(exhibit.alarm);
  const auto picture = cv::imdecode(exhibit.picture, cv::IMREAD_COLOR);
  const auto heatmap = cv::imdecode(exhibit.heatmap, cv::IMREAD_COLOR);
  EXPECT_EQ(picture.size(), cv::Size(280, 140));
  EXPECT_EQ(heatmap.size(), picture.size());
  // Red, and a mix of half of it with half of the map's dark red, because 9 is as far above the threshold as
  // 1 is below it.
  EXPECT_NEAR(picture.at<cv::Vec3b>(70, 140)[2], 255, 4);
  EXPECT_NEAR(heatmap.at<cv::Vec3b>(70, 140)[2], 192, 6);
}

TEST(Gallery, TakesAPictureOfOnePixel) {
  Gallery gallery(std::nullopt);
  offer(gallery, {"a.png", {}, false, {}, {}}, 9, 1, 1);
  offer(gallery, {"b.png", {}, false, {}, {}}, 8, 3000, 1);
  EXPECT_EQ(cv::imdecode(gallery.normal_highest.exhibits().at(1).picture, cv::IMREAD_COLOR).size(),
            cv::Size(280, 1));
  EXPECT_FALSE(gallery.normal_highest.exhibits().at(0).alarm);
}

}  // namespace
}  // namespace uniad
