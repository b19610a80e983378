// SPDX-License-Identifier: Apache-2.0
#include "training/metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "model/error.h"

namespace uniad {
namespace {

nlohmann::json fixture() {
  std::ifstream file(UNIAD_SOURCE_ROOT "/tests/training/metrics/fixture.json");
  return nlohmann::json::parse(file);
}

// The probability that an abnormal score beats a normal one, pair by pair.
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
  // From the top: 0.9 abnormal, 0.8 normal, 0.7 abnormal, 0.1 normal. Pairs won: 2 + 1 of 4. Precision at the
  // abnormal ones: 1 and 2/3. F1: 2/3, 1/2, 4/5, 2/3.
  const auto ranking = rank(std::vector{0.8F, 0.1F}, std::vector{0.7F, 0.9F});
  ASSERT_TRUE(ranking);
  EXPECT_DOUBLE_EQ(ranking->auroc, 0.75);
  EXPECT_DOUBLE_EQ(ranking->average_precision, (1.0 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(ranking->f1_max, 0.8);
}

TEST(Metrics, EqualScoresAreOneThreshold) {
  // All equal: half of the pairs; precision 3/5 at recall 1; F1 2 * 3 / (5 + 3).
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
    if (i + 1 == expected["maps"].size()) mask.clear();  // all normal: an absent mask says the same
    pixels.add(expected["maps"][i].get<std::vector<float>>(), mask, size, size);
  }
  const auto ranking = pixels.ranking();
  ASSERT_TRUE(ranking);
  expect_ranking(*ranking, expected["pixel_ranking"]);
  EXPECT_NEAR(pixels.aupro().value(), expected["aupro"].get<double>(), 1e-7);
}

TEST(Metrics, OverlapByHand) {
  // One region of two pixels; 10 normal pixels. Scores fall 9 (region), 8 (normal), 7 (region), then normal
  // ones: overlap 0.5 at rate 0, 0.5 at 0.1, 1 at 0.1, 1 up to 0.3: area 0.1 * 0.5 + 0.2 * 1 of 0.3.
  PixelScores pixels;
  pixels.add(std::vector<float>{9, 7, 8, 6, 5, 4, 3, 2, 1, 0, -1, -2},
             std::vector<std::uint8_t>{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, 1);
  EXPECT_NEAR(pixels.aupro().value(), (0.1 * 0.5 + 0.2) / 0.3, 1e-7);
}

TEST(Metrics, OverlapIsCutAtTheLimit) {
  // All equal: from (0, 0) straight to (1, 1); the triangle up to 0.3 has area 0.045.
  PixelScores pixels;
  pixels.add(std::vector<float>(8, 1.0F), std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 0, 0}, 8, 1);
  EXPECT_NEAR(pixels.aupro().value(), 0.045 / 0.3, 1e-12);
}

}  // namespace
}  // namespace uniad
