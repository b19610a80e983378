// SPDX-License-Identifier: Apache-2.0
// Tests regions of the real networks, for defects of known place and size that are pasted into photographs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/file/weights.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared.h"

namespace uniad::test {
namespace {

std::vector<std::filesystem::path> pictures(const std::filesystem::path &folder, std::size_t count) {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  files.resize(std::min(files.size(), count));
  return files;
}

Detection judge(Detector &detector, const cv::Mat &bgr) {
  FrameView view;
  view.layout = PixelLayout::BGR;
  view.width = bgr.cols;
  view.height = bgr.rows;
  view.planes[0] = {bgr.data, static_cast<std::ptrdiff_t>(bgr.step[0])};
  std::vector<Detection> detections;
  detector.detect({&view, 1}, detections);
  return detections.front();
}

struct Defect {
  const char *shape;
  double x, y, width, height;  // 0..1, relative to the picture
};

// Returns the picture with `texture`, or a color, in the shape of the defect.
cv::Mat with_defect(const cv::Mat &picture, const Defect &defect, const cv::Mat &texture) {
  const cv::Rect place(static_cast<int>(defect.x * picture.cols), static_cast<int>(defect.y * picture.rows),
                       static_cast<int>(defect.width * picture.cols),
                       static_cast<int>(defect.height * picture.rows));
  cv::Mat mask = cv::Mat::zeros(picture.size(), CV_8U);
  if (std::string(defect.shape) == "disc")
    cv::ellipse(mask, (place.tl() + place.br()) / 2, place.size() / 2, 0, 0, 360, 255, cv::FILLED);
  else
    mask(place).setTo(255);
  cv::Mat filling;
  cv::resize(texture, filling, picture.size());
  cv::Mat result = picture.clone();
  filling.copyTo(result, mask);
  return result;
}

bool holds(const Region &region, double x, double y) {
  return static_cast<double>(region.x) <= x && x <= static_cast<double>(region.x + region.width) &&
         static_cast<double>(region.y) <= y && y <= static_cast<double>(region.y + region.height);
}

class RealRegions : public ScratchFolder, public testing::WithParamInterface<const char *> {};

TEST_P(RealRegions, FollowTheDefectsAndNoneVanishesBesideAnother) {
  UNIAD_NEED_SHARED(normal, "data/products/bottle/train/good");
  UNIAD_NEED_SHARED(carpet, "data/samples15/carpet/good");
  if (!find_weight_file(GetParam())) GTEST_SKIP() << "no weights of " << GetParam();
  DetectorOptions options;
  options.new_on_backbone = GetParam();
  const auto detector = Detector::open(file("model.safetensors"), options);
  const auto learned = pictures(normal, 40);
  LearnOptions learning;
  learning.source = "bottle";
  learning.frames = static_cast<std::int64_t>(learned.size());
  learning.wait = true;
  detector->learn(learning);
  for (const auto &path : learned) judge(*detector, cv::imread(path.string()));
  const auto threshold = static_cast<float>(detector->calibration()->find("bottle")->threshold);

  const cv::Mat picture = cv::imread(pictures(normal, 41).back().string());
  const cv::Mat texture = cv::imread(pictures(carpet, 1).front().string());
  const cv::Mat color(16, 16, CV_8UC3, cv::Scalar(40, 30, 220));
  for (const Defect &defect : {Defect{"square", 0.4, 0.3, 0.18, 0.18}, Defect{"square", 0.2, 0.5, 0.3, 0.3},
                               Defect{"bar", 0.3, 0.35, 0.14, 0.25}, Defect{"bar", 0.2, 0.6, 0.5, 0.17},
                               Defect{"disc", 0.5, 0.5, 0.25, 0.25}, Defect{"disc", 0.3, 0.3, 0.45, 0.45}}) {
    for (const cv::Mat &filling : {texture, color}) {
      const auto found = regions(judge(*detector, with_defect(picture, defect, filling)).grid, threshold);
      ASSERT_FALSE(found.empty());
      const Region &region = found.front();
      SCOPED_TRACE(testing::Message()
                   << defect.shape << " " << defect.width << "x" << defect.height << ": " << region.width
                   << "x" << region.height << ", score " << region.score << " of " << threshold);
      EXPECT_TRUE(holds(region, defect.x + defect.width / 2, defect.y + defect.height / 2));
      EXPECT_LE(region.width, 1.6 * defect.width);
      EXPECT_LE(region.height, 1.6 * defect.height);
    }
  }

  // A strong defect on the left and a faint one on the right.
  const cv::Mat strong = with_defect(picture, {"square", 0.1, 0.4, 0.2, 0.2}, texture);
  const cv::Mat both = with_defect(strong, {"square", 0.65, 0.4, 0.2, 0.2}, picture * 0.6);
  const auto found = regions(judge(*detector, both).grid, threshold);
  ASSERT_GE(found.size(), 2U);
  EXPECT_TRUE(
      std::any_of(found.begin(), found.end(), [](const Region &region) { return holds(region, 0.2, 0.5); }));
  EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                          [](const Region &region) { return region.x > 0.5F && holds(region, 0.75, 0.5); }));
}

INSTANTIATE_TEST_SUITE_P(Backbones, RealRegions, testing::Values("efficientnet-lite2", "efficientnet-b4"),
                         [](const auto &backbone) {
                           std::string name = backbone.param;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

}  // namespace
}  // namespace uniad::test
