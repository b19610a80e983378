// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/figures.h"

#include "model/base/error.h"
#include "tests/training/data/temporary_folder.h"

namespace uniad {
namespace {

constexpr int size = 32;  // of the input; the grid is 2x2

Grid flat(float value) {
  return {2, 2, std::vector<float>(4, value)};
}

class FiguresOf : public test::TemporaryFolder {
 protected:
  static Detection detection(const Grid &grid, float score) {
    Detection detection;
    detection.grid = grid;
    detection.score = score;
    return detection;
  }
  static Detection detection(float score) { return detection(flat(score), score); }
  static Detection unknown_scene(float score) {
    auto unknown = detection(score);
    unknown.scene_distance = 1.5F;
    return unknown;
  }

  Item picture(std::optional<bool> abnormal, const std::filesystem::path &mask = {},
               const std::string &defect = {}) const {
    Item item{folder_ / "picture.png", {}, abnormal, defect, {}};
    if (!mask.empty()) item.masks.push_back(mask);
    return item;
  }

  // Writes a mask that is abnormal in the left `columns` of `width` columns.
  std::filesystem::path write_mask(const std::string &name, int width, int columns) const {
    cv::Mat mask(width, width, CV_8UC1, cv::Scalar(0));
    mask.colRange(0, columns).setTo(255);
    return write_picture(name, mask);
  }

  // The figures of the items if the detector returns these detections.
  static ClassFigures figures_of(const std::vector<Item> &items, const std::vector<Detection> &detections,
                                 std::optional<double> threshold = {},
                                 LabelRule rule = LabelRule::Reference) {
    Source source;
    source.test = items;
    Evaluator evaluator(source, size, size, threshold);
    for (std::size_t i = 0; i < items.size(); ++i)
      evaluator.add(items[i], truth_of(items[i], {}, size, size, rule), detections[i]);
    return evaluator.figures({});
  }
};

TEST_F(FiguresOf, LabelsAloneGiveImageFiguresAlone) {
  const auto result = figures_of({picture(false), picture(true), picture(false), picture(std::nullopt)},
                                 {detection(1), detection(2), detection(3), detection(9)});
  EXPECT_EQ(result.images, 4);
  EXPECT_EQ(result.figures, (Figures{{"image_auroc", 0.5}, {"image_ap", 0.5}, {"image_f1max", 2.0 / 3}}));
  EXPECT_FALSE(result.confusion);
  EXPECT_TRUE(result.defects.empty());
  EXPECT_TRUE(result.events.empty());
}

TEST_F(FiguresOf, MasksDecideAndGivePixelFigures) {
  const auto half = write_mask("half.png", 64, 32);
  const auto lost = write_mask("lost.png", 3200, 20);  // does not cover any of the 32 pixel centers
  const Grid left_high{2, 2, {9, 0, 9, 0}};            // falls linearly from left to right
  const std::vector<Item> items{picture(true, half), picture(true, lost), picture(false)};
  const std::vector<Detection> detections{detection(left_high, 9), detection(flat(0), 3),
                                          detection(flat(0), 4)};
  const auto figures = figures_of(items, detections, 5.0).figures;
  EXPECT_DOUBLE_EQ(figures.at("image_auroc"), 1.0);  // the second is normal: its mask has no pixel left
  EXPECT_DOUBLE_EQ(figures.at("pixel_auroc"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("pixel_ap"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("pixel_f1max"), 1.0);
  EXPECT_NEAR(figures.at("aupro"), 1.0, 1e-6);
  EXPECT_DOUBLE_EQ(figures.at("threshold"), 5.0);
  EXPECT_DOUBLE_EQ(figures.at("false_alarm_rate"), 0.0);
  EXPECT_DOUBLE_EQ(figures.at("detection_rate"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("precision"), 1.0);
  EXPECT_FALSE(figures.contains("frame_auroc"));
  EXPECT_FALSE(figures.contains("aupimo"));  // 2,048 normal pixels are too few for a rate of 1e-5

  const auto strict = figures_of(items, detections, 5.0, LabelRule::Strict).figures;
  EXPECT_DOUBLE_EQ(strict.at("image_auroc"), 0.5);  // 9 and 3 against 4
  EXPECT_DOUBLE_EQ(strict.at("detection_rate"), 0.5);
  EXPECT_DOUBLE_EQ(strict.at("pixel_auroc"), 1.0);
}

TEST_F(FiguresOf, AStrictLabelIsAnyPixelOfTheMaskToo) {
  const auto lost = write_mask("lost.png", 3200, 20);
  const auto unlabeled = picture(std::nullopt, lost);
  EXPECT_EQ(truth_of(unlabeled, {}, size, size, LabelRule::Strict).abnormal, true);
  EXPECT_EQ(truth_of(unlabeled, {}, size, size, LabelRule::Reference).abnormal, false);
  EXPECT_TRUE(truth_of(picture(true, lost), {}, size, size, LabelRule::Reference).lost_in_resize);
  const auto empty = write_mask("empty.png", 64, 0);
  EXPECT_EQ(truth_of(picture(std::nullopt, empty), {}, size, size, LabelRule::Strict).abnormal, false);
  EXPECT_EQ(truth_of(picture(true, empty), {}, size, size, LabelRule::Strict).abnormal, true);
}

TEST_F(FiguresOf, AbnormalPicturesWithoutMaskStayOutOfThePixels) {
  // If the pixels of the second picture counted as normal, they would distort every pixel figure.
  const auto figures =
      figures_of({picture(true, write_mask("half.png", 32, 16)), picture(true), picture(false)},
                 {detection({2, 2, {9, 0, 9, 0}}, 9), detection(100), detection(0)});
  EXPECT_DOUBLE_EQ(figures.figures.at("pixel_auroc"), 1.0);
}

TEST_F(FiguresOf, AnUnreadableMaskIsNamedAndTheLabelCounts) {
  const auto broken = picture(true, write("broken.png", "no picture"));
  const auto truth = truth_of(broken, {}, size, size, LabelRule::Reference);
  EXPECT_NE(truth.unreadable_mask.find("broken.png"), std::string::npos);
  EXPECT_EQ(truth.abnormal, true);
  const auto figures = figures_of({broken, picture(false)}, {detection(2), detection(1)}).figures;
  EXPECT_DOUBLE_EQ(figures.at("image_auroc"), 1.0);
  EXPECT_FALSE(figures.contains("pixel_auroc"));
}

TEST_F(FiguresOf, EachTypeOfDefectIsHeldAgainstAllNormalPictures) {
  const auto half = write_mask("half.png", 64, 32);
  const Grid left_high{2, 2, {9, 0, 9, 0}};
  const Grid right_high{2, 2, {0, 9, 0, 9}};
  const auto result =
      figures_of({picture(false, {}, "good"), picture(false, {}, "good"), picture(true, half, "crack"),
                  picture(true, half, "dent")},
                 {detection(1), detection(3), detection(left_high, 4), detection(right_high, 2)}, 3.5);
  EXPECT_EQ(result.images, 4);
  ASSERT_EQ(result.defects.size(), 2U);
  const auto &crack = result.defects.at("crack");
  const auto &dent = result.defects.at("dent");
  EXPECT_EQ(crack.images, 1);
  EXPECT_DOUBLE_EQ(crack.figures.at("image_auroc"), 1.0);
  EXPECT_DOUBLE_EQ(dent.figures.at("image_auroc"), 0.5);
  EXPECT_DOUBLE_EQ(result.figures.at("image_auroc"), 0.75);
  EXPECT_DOUBLE_EQ(crack.figures.at("detection_rate"), 1.0);
  EXPECT_DOUBLE_EQ(dent.figures.at("detection_rate"), 0.0);
  EXPECT_GT(crack.figures.at("pixel_auroc"), dent.figures.at("pixel_auroc"));
  // The 1s and 3s of the normal pictures are between the two halves of the dent's map: its right half, which
  // its mask calls normal, is above every pixel of its left half.
  EXPECT_EQ(result.confusion->found, 1);
  EXPECT_EQ(result.confusion->missed, 1);
  EXPECT_EQ(result.confusion->false_alarms, 0);
  EXPECT_EQ(result.confusion->true_normal, 2);
}

TEST_F(FiguresOf, UnknownScenesAreAbnormalAsTheElementsHaveIt) {
  const std::vector<Item> items{picture(false), picture(false), picture(true), picture(true)};
  const std::vector<Detection> detections{detection(1), unknown_scene(1), unknown_scene(1), detection(1)};
  const auto figures = figures_of(items, detections, 3.0).figures;
  EXPECT_DOUBLE_EQ(figures.at("false_alarm_rate"), 0.5);
  EXPECT_DOUBLE_EQ(figures.at("detection_rate"), 0.5);
  EXPECT_DOUBLE_EQ(figures.at("precision"), 0.5);
  EXPECT_DOUBLE_EQ(figures.at("image_auroc"), 0.5);  // only from scores
}

TEST_F(FiguresOf, VideosHaveAFrameAurocRatesAndEvents) {
  const auto video = write_video("v.avi", 8, "jpegenc ! avimux");
  std::vector<Item> items;
  std::vector<Detection> detections;
  // Normal 0 1 2 3, abnormal 3 4 5 6: of 16 pairs, 15 are won and one is drawn.
  for (std::int64_t n = 0; n < 8; ++n) {
    items.push_back({video, n, n >= 4, {}, {}});
    detections.push_back(detection(static_cast<float>(n < 4 ? n : n - 1)));
  }
  const auto result = figures_of(items, detections, 3.5);
  EXPECT_DOUBLE_EQ(result.figures.at("frame_auroc"), 15.5 / 16);
  EXPECT_DOUBLE_EQ(result.figures.at("false_alarm_rate"), 0.0);
  EXPECT_DOUBLE_EQ(result.figures.at("detection_rate"), 0.75);
  EXPECT_DOUBLE_EQ(figures_of(items, detections, 3.0).figures.at("false_alarm_rate"),
                   0.25);  // a score equal to the threshold raises an alarm
  EXPECT_DOUBLE_EQ(result.events.at("found"), 1);
  EXPECT_DOUBLE_EQ(result.events.at("delay_seconds"), 1.0 / 25);  // frame 5 is the first at or above 3.5
  EXPECT_TRUE(figures_of(items, detections).events.empty());      // without a threshold, there are no alarms
}

TEST(MeanFigures, IsOverTheClassesThatHaveThem) {
  const std::map<std::string, ClassFigures> classes{
      {"a", {5, {{"image_auroc", 1.0}, {"pixel_auroc", 0.8}, {"threshold", 7.0}}, {}, {}, {}}},
      {"b", {5, {{"image_auroc", 0.5}}, {}, {}, {}}},
      {"c", {}}};
  EXPECT_EQ(mean(classes).figures, (Figures{{"image_auroc", 0.75}, {"pixel_auroc", 0.8}}));
}

}  // namespace
}  // namespace uniad
