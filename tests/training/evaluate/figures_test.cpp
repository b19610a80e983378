// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures.h"

#include "model/error.h"
#include "tests/training/data/temporary_folder.h"

namespace uniad {
namespace {

constexpr int size = 32;  // of the input; the grid is 2x2

Grid flat(float value) {
  return {2, 2, std::vector<float>(4, value)};
}

class FiguresOf : public test::TemporaryFolder {
 protected:
  Item picture(std::optional<bool> abnormal, const std::filesystem::path &mask = {}) const {
    Item item{folder_ / "picture.png", {}, abnormal, {}, {}};
    if (!mask.empty()) item.masks.push_back(mask);
    return item;
  }

  // Abnormal in the left `columns` columns of `width`.
  std::filesystem::path write_mask(const std::string &name, int width, int columns) const {
    cv::Mat mask(width, width, CV_8UC1, cv::Scalar(0));
    mask.colRange(0, columns).setTo(255);
    return write_picture(name, mask);
  }
};

TEST_F(FiguresOf, LabelsAloneGiveImageFiguresAlone) {
  const std::vector<Item> items{picture(false), picture(true), picture(false), picture(std::nullopt)};
  Judge judge(items, size, size);
  judge.add(items[0], flat(1), 1);
  judge.add(items[1], flat(2), 2);
  judge.add(items[2], flat(3), 3);
  judge.add(items[3], flat(9), 9);
  const auto result = judge.figures(std::nullopt);
  EXPECT_EQ(result.images, 4);
  EXPECT_EQ(result.figures, (Figures{{"image_auroc", 0.5}, {"image_ap", 0.5}, {"image_f1max", 2.0 / 3}}));
}

TEST_F(FiguresOf, MasksDecideAndGivePixelFigures) {
  const auto half = write_mask("half.png", 64, 32);
  const auto lost = write_mask("lost.png", 3200, 20);  // no pixel centre of the 32 falls on it
  const std::vector<Item> items{picture(true, half), picture(true, lost), picture(false)};
  Judge judge(items, size, size);
  const Grid left_high{2, 2, {9, 0, 9, 0}};  // falls linearly from left to right
  judge.add(items[0], left_high, 9);
  judge.add(items[1], flat(0), 3);  // normal: its mask has no pixel left
  judge.add(items[2], flat(0), 4);
  const auto figures = judge.figures(5.0).figures;
  EXPECT_DOUBLE_EQ(figures.at("image_auroc"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("pixel_auroc"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("pixel_ap"), 1.0);
  EXPECT_DOUBLE_EQ(figures.at("pixel_f1max"), 1.0);
  EXPECT_NEAR(figures.at("aupro"), 1.0, 1e-6);
  EXPECT_DOUBLE_EQ(figures.at("threshold"), 5.0);
  EXPECT_DOUBLE_EQ(figures.at("false_alarm_rate"), 0.0);
  EXPECT_DOUBLE_EQ(figures.at("detection_rate"), 1.0);
  EXPECT_FALSE(figures.contains("frame_auroc"));
}

TEST_F(FiguresOf, AbnormalPicturesWithoutMaskStayOutOfThePixels) {
  const std::vector<Item> items{picture(true, write_mask("half.png", 32, 16)), picture(true), picture(false)};
  Judge judge(items, size, size);
  judge.add(items[0], {2, 2, {9, 0, 9, 0}}, 9);
  judge.add(items[1], flat(100), 100);  // would spoil every pixel figure as normal
  judge.add(items[2], flat(0), 0);
  EXPECT_DOUBLE_EQ(judge.figures({}).figures.at("pixel_auroc"), 1.0);
}

TEST_F(FiguresOf, AnUnreadableMaskIsNamedAndTheLabelCounts) {
  const std::vector<Item> items{picture(true, write("broken.png", "no picture")), picture(false)};
  Judge judge(items, size, size);
  EXPECT_THROW(judge.add(items[0], flat(2), 2), Error);
  judge.add(items[1], flat(1), 1);
  const auto figures = judge.figures({}).figures;
  EXPECT_DOUBLE_EQ(figures.at("image_auroc"), 1.0);
  EXPECT_FALSE(figures.contains("pixel_auroc"));
}

TEST_F(FiguresOf, VideosHaveAFrameAurocAndRatesAtTheThreshold) {
  std::vector<Item> items;
  for (std::int64_t n = 0; n < 8; ++n) items.push_back({"v.mp4", n, n >= 4, {}, {}});
  Judge judge(items, size, size);
  // Normal 0 1 2 3, abnormal 3 4 5 6: of 16 pairs 15 won and one drawn.
  for (std::size_t n = 0; n < 8; ++n) judge.add(items[n], flat(0), static_cast<float>(n < 4 ? n : n - 1));
  const auto figures = judge.figures(3.0).figures;
  EXPECT_DOUBLE_EQ(figures.at("frame_auroc"), 15.5 / 16);
  EXPECT_DOUBLE_EQ(figures.at("false_alarm_rate"), 0.25);  // a score at the threshold alarms
  EXPECT_DOUBLE_EQ(figures.at("detection_rate"), 1.0);
}

TEST(MeanFigures, IsOverTheClassesThatHaveThem) {
  const std::map<std::string, ClassFigures> classes{
      {"a", {5, {{"image_auroc", 1.0}, {"pixel_auroc", 0.8}, {"threshold", 7.0}}}},
      {"b", {5, {{"image_auroc", 0.5}}}},
      {"c", {5, {}}}};
  EXPECT_EQ(mean(classes), (Figures{{"image_auroc", 0.75}, {"pixel_auroc", 0.8}}));
}

}  // namespace
}  // namespace uniad
