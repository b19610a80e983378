// SPDX-License-Identifier: Apache-2.0
#include "training/metrics/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "model/base/error.h"

namespace uniad {
namespace {

nlohmann::json fixture() {
  std::ifstream file(UNIAD_SOURCE_ROOT "/tests/training/metrics/fixture.json");
  return nlohmann::json::parse(file);
}

// The probability that an abnormal score exceeds a normal one, computed pair by pair.
double auroc_of_pairs(const std::vector<float> &normal, const std::vector<float> &abnormal) {
  double wins = 0;
  for (const float high : abnormal)
    for (const float low : normal) wins += high > low ? 1 : high == low ? 0.5 : 0;
  return wins / static_cast<double>(normal.size() * abnormal.size());
}

void expect_ranking(const Ranking &ranking, const nlohmann::json &expected) {
  EXPECT_NEAR(ranking.auroc, expected["auroc"].get<double>(), 1e-12);
  EXPECT_NEAR(ranking.average_precision, expected["ap"].get<double>(), 1e-12);
  EXPECT_NEAR(ranking.f1_max, expected["f1max"].get<double>(), 1e-12);
}

TEST(Metrics, ByHand) {
  // In descending order: 0.9 abnormal, 0.8 normal, 0.7 abnormal, 0.1 normal. Pairs won: 2 + 1 of 4. Precision
  // at the abnormal ones: 1 and 2/3. F1: 2/3, 1/2, 4/5, 2/3.
  const auto ranking = rank(std::vector{0.8F, 0.1F}, std::vector{0.7F, 0.9F});
  ASSERT_TRUE(ranking);
  EXPECT_DOUBLE_EQ(ranking->auroc, 0.75);
  EXPECT_DOUBLE_EQ(ranking->average_precision, (1.0 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(ranking->f1_max, 0.8);
}

TEST(Metrics, EqualScoresAreOneThreshold) {
  // All scores are equal: half of the pairs are won; precision 3/5 at recall 1; F1 2 * 3 / (5 + 3).
  const auto ranking = rank(std::vector{1.0F, 1.0F}, std::vector{1.0F, 1.0F, 1.0F});
  ASSERT_TRUE(ranking);
  EXPECT_DOUBLE_EQ(ranking->auroc, 0.5);
  EXPECT_DOUBLE_EQ(ranking->average_precision, 0.6);
  EXPECT_DOUBLE_EQ(ranking->f1_max, 0.75);
}

TEST(Metrics, AurocBelowHalfStays) {
  EXPECT_DOUBLE_EQ(rank(std::vector{2.0F}, std::vector{1.0F})->auroc, 0.0);
}

TEST(Metrics, AreAbsentWithoutBothKinds) {
  EXPECT_FALSE(rank({}, std::vector{1.0F}));
  EXPECT_FALSE(rank(std::vector{1.0F}, {}));
  PixelScores pixels;
  pixels.add(std::vector{1.0F, 2.0F}, {}, 2, 1);
  EXPECT_FALSE(pixels.ranking());
  EXPECT_FALSE(pixels.aupro());
  EXPECT_FALSE(pixels.aupimo(0.9, 1));
}

TEST(Metrics, RefuseWhatIsNotANumber) {
  EXPECT_THROW(rank(std::vector{NAN}, std::vector{1.0F}), Error);
  PixelScores pixels;
  EXPECT_THROW(pixels.add(std::vector{NAN}, {}, 1, 1), Error);
}

TEST(Metrics, AurocEqualsBruteForce) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> normal(1 + random() % 40);
    std::vector<float> abnormal(1 + random() % 40);
    for (auto &score : normal) score = static_cast<float>(random() % 12);
    for (auto &score : abnormal) score = static_cast<float>(random() % 12 + 2);
    EXPECT_NEAR(rank(normal, abnormal)->auroc, auroc_of_pairs(normal, abnormal), 1e-12);
  }
}

TEST(Metrics, EqualScikitLearn) {
  const auto expected = fixture();
  std::vector<float> normal;
  std::vector<float> abnormal;
  for (std::size_t i = 0; i < expected["scores"].size(); ++i)
    (expected["labels"][i] == 1 ? abnormal : normal).push_back(expected["scores"][i].get<float>());
  const auto ranking = rank(normal, abnormal);
  ASSERT_TRUE(ranking);
  expect_ranking(*ranking, expected["ranking"]);
}

TEST(Metrics, PixelFiguresEqualScikitLearnAndTheOfficialOverlap) {
  const auto expected = fixture();
  const int size = expected["size"].get<int>();
  PixelScores pixels;
  for (std::size_t i = 0; i < expected["maps"].size(); ++i) {
    auto mask = expected["masks"][i].get<std::vector<std::uint8_t>>();
    if (i + 1 == expected["maps"].size()) mask.clear();  // all pixels are normal: the mask may be absent
    pixels.add(expected["maps"][i].get<std::vector<float>>(), mask, size, size);
  }
  const auto ranking = pixels.ranking();
  ASSERT_TRUE(ranking);
  expect_ranking(*ranking, expected["pixel_ranking"]);
  EXPECT_NEAR(pixels.aupro().value(), expected["aupro"].get<double>(), 1e-7);
}

TEST(Metrics, AupimoEqualsAnomalib) {
  const auto expected = fixture();
  const int size = expected["size"].get<int>();
  PixelScores pixels;
  for (std::size_t i = 0; i < expected["pimo_maps"].size(); ++i) {
    auto mask = expected["pimo_masks"][i].get<std::vector<std::uint8_t>>();
    if (std::find(mask.begin(), mask.end(), 1) == mask.end()) mask.clear();
    pixels.add(expected["pimo_maps"][i].get<std::vector<float>>(), mask, size, size);
  }
  const auto bounds = expected["pimo_bounds"].get<std::vector<double>>();
  EXPECT_NEAR(pixels.aupimo(bounds[0], bounds[1]).value(), expected["aupimo"].get<double>(), 1e-9);
}

TEST(Metrics, PerImageOverlapByHand) {
  // Ten normal pixels in a normal picture, with scores 10 to 1; a picture whose two abnormal pixels have 9.5
  // and 8.5, and one whose only abnormal pixel has 0. From rate 0.1 to 0.2, a quarter is found, and from 0.2
  // to 0.4, half. The normal pixel in the abnormal picture, 11, does not count, because it is not in a normal
  // picture.
  PixelScores pixels;
  pixels.add(std::vector<float>{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, {}, 10, 1);
  pixels.add(std::vector<float>{9.5, 8.5, 11}, std::vector<std::uint8_t>{1, 1, 0}, 3, 1);
  pixels.add(std::vector<float>{0}, std::vector<std::uint8_t>{1}, 1, 1);
  const double expected = (0.25 * std::log(2.0) + 0.5 * std::log(2.0)) / std::log(4.0);
  EXPECT_NEAR(pixels.aupimo(0.1, 0.4).value(), expected, 1e-12);
  EXPECT_FALSE(pixels.aupimo(0.01, 0.4));  // ten pixels are too few for a rate of 0.01
}

TEST(Metrics, PerImageOverlapIsLinearWhereScoresAreEqual) {
  // All scores are equal: overlap = rate, whose integral over the logarithm of the rate is the rate.
  PixelScores pixels;
  pixels.add(std::vector<float>(20, 1.0F), {}, 20, 1);
  pixels.add(std::vector<float>{1}, std::vector<std::uint8_t>{1}, 1, 1);
  EXPECT_NEAR(pixels.aupimo(0.1, 0.5).value(), (0.5 - 0.1) / std::log(5.0), 1e-12);
}

// The figures are those of pictures without the pixels that do not count.
TEST(Metrics, PixelsThatDoNotCountChangeNothing) {
  const std::vector<float> map{1, 2, 9, 3, 4, 8};
  const std::vector<std::uint8_t> mask{0, 0, 1, 0, 1, 1};
  const std::vector<std::uint8_t> judged{1, 1, 0, 1, 1, 0};  // two columns of three
  PixelScores part;
  part.add(map, mask, 3, 2, judged);
  part.add(map, {}, 3, 2, judged);
  PixelScores whole;
  whole.add(std::vector<float>{1, 2, 3, 4}, std::vector<std::uint8_t>{0, 0, 0, 1}, 2, 2);
  whole.add(std::vector<float>{1, 2, 3, 4}, {}, 2, 2);
  EXPECT_EQ(part.ranking()->auroc, whole.ranking()->auroc);
  EXPECT_EQ(part.ranking()->average_precision, whole.ranking()->average_precision);
  EXPECT_EQ(part.aupro(), whole.aupro());
  EXPECT_LT(part.ranking()->auroc, 1) << "4 is found in the normal picture as well";
}

TEST(Metrics, PixelScoresAddUp) {
  PixelScores normal;
  normal.add(std::vector<float>{3, 1, -2, 0}, {}, 4, 1);
  PixelScores sum;
  sum.add(std::vector<float>{4, -1, 2, 0}, std::vector<std::uint8_t>{1, 0, 0, 1}, 4, 1);
  sum.add(normal);
  // Abnormal 4 and 0 against 3 2 1 0 -1 -2: 6 pairs won, then 2 won and one drawn.
  EXPECT_DOUBLE_EQ(sum.ranking()->auroc, 8.5 / 12);
}

TEST(Metrics, PixelsOfOneScoreAreOneThresholdAndNegativeZeroIsZero) {
  PixelScores pixels;
  pixels.add(std::vector<float>{-0.0F}, {}, 1, 1);
  pixels.add(std::vector<float>{0.0F}, std::vector<std::uint8_t>{1}, 1, 1);
  EXPECT_DOUBLE_EQ(pixels.ranking()->auroc, 0.5);
}

TEST(Metrics, RocCurveEqualsScikitLearn) {
  const auto expected = fixture();
  std::vector<float> normal;
  std::vector<float> abnormal;
  for (std::size_t i = 0; i < expected["scores"].size(); ++i)
    (expected["labels"][i] == 1 ? abnormal : normal).push_back(expected["scores"][i].get<float>());
  const auto curve = roc_curve(normal, abnormal, 0);
  ASSERT_EQ(curve.size(), expected["roc"].size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    EXPECT_NEAR(curve[i].false_positive, expected["roc"][i][0].get<double>(), 1e-12);
    EXPECT_NEAR(curve[i].true_positive, expected["roc"][i][1].get<double>(), 1e-12);
  }
}

TEST(Metrics, AThinnedRocCurveKeepsItsEndsAndItsArea) {
  std::mt19937 random(1);
  std::normal_distribution<float> draw;
  std::vector<float> normal(20'000);
  std::vector<float> abnormal(5'000);
  for (auto &score : normal) score = draw(random);
  for (auto &score : abnormal) score = draw(random) + 1;
  const auto curve = roc_curve(normal, abnormal, 0.01);
  EXPECT_LE(curve.size(), 202U);
  EXPECT_EQ(curve.front().false_positive + curve.front().true_positive, 0);
  EXPECT_EQ(curve.back().false_positive + curve.back().true_positive, 2);
  double area = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    area += (curve[i].false_positive - curve[i - 1].false_positive) *
            (curve[i].true_positive + curve[i - 1].true_positive) / 2;
  EXPECT_NEAR(area, rank(normal, abnormal)->auroc, 1e-3);
  EXPECT_TRUE(roc_curve(normal, {}, 0.01).empty());
}

TEST(Metrics, OverlapByHand) {
  // One region of two pixels, and 10 normal pixels. In descending order: 9 (region), 8 (normal), 7 (region),
  // then normal ones. Overlap: 0.5 at rate 0, 0.5 at 0.1, 1 at 0.1, 1 up to 0.3. Area: 0.1 * 0.5 + 0.2 * 1 of
  // 0.3.
  PixelScores pixels;
  pixels.add(std::vector<float>{9, 7, 8, 6, 5, 4, 3, 2, 1, 0, -1, -2},
             std::vector<std::uint8_t>{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, 1);
  EXPECT_NEAR(pixels.aupro().value(), (0.1 * 0.5 + 0.2) / 0.3, 1e-7);
}

TEST(Metrics, OverlapIsCutAtTheLimit) {
  // All scores are equal: a straight line from (0, 0) to (1, 1). The triangle up to 0.3 has area 0.045.
  PixelScores pixels;
  pixels.add(std::vector<float>(8, 1.0F), std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 0, 0}, 8, 1);
  EXPECT_NEAR(pixels.aupro().value(), 0.045 / 0.3, 1e-12);
}

}  // namespace
}  // namespace uniad
