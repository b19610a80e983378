// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/image_term.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "model/scoring/calibration.h"

namespace uniad {
namespace {

struct Held {
  std::vector<double> local, distances;
  std::vector<int> groups;
};

Held random_pictures(std::size_t count, std::uint64_t seed, double shift = 0) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise;
  Held held;
  for (std::size_t i = 0; i < count; ++i) {
    held.local.push_back(1.5 + shift + 0.2 * noise(random));
    held.distances.push_back(0.9 + shift + 0.05 * noise(random));
    held.groups.push_back(static_cast<int>(i % 5));
  }
  return held;
}

// Neighbors are correlated by this.
double reduced_weight(double correlation, double count) {
  const double independent = count * (1 - correlation) / (1 + correlation);
  return image_weight * independent / (independent + 50);
}

std::optional<ImageTerm> term_of(const Held &held) {
  return image_term_of(held.local, held.distances, held.groups);
}

TEST(ImageTerm, AsManyStandardDeviationsCountAsMuchAsTheWeightSays) {
  const Held held = random_pictures(500, 1);
  const auto term = term_of(held);
  ASSERT_TRUE(term);
  EXPECT_NEAR(term->weight, reduced_weight(0, 500), 0.02);  // these groups do not differ
  for (const double k : {-1.0, 0.0, 3.0})
    EXPECT_NEAR(term->part(term->usual + k * term->standard_deviation),
                k * term->weight * term->local_standard_deviation, 1e-12);
}

TEST(ImageTerm, TheMeanOfNormalScoresStays) {
  const Held held = random_pictures(300, 2);
  const NormalScores with{held.local, {}, 0, held.distances, held.groups};
  const ScoreStatistics statistics = describe_scores(with, {});
  ASSERT_TRUE(statistics.image);
  EXPECT_NEAR(statistics.mean, describe_scores({held.local, {}}, {}).mean, 1e-12);
  // Both parts are independent here.
  const double weight = statistics.image->weight;
  EXPECT_NEAR(statistics.standard_deviation,
              statistics.image->local_standard_deviation * std::sqrt(1 + weight * weight), 0.02);
}

// The example of Shrout and Fleiss 1979, table 2: ICC(1) is 0.17.
TEST(ImageTerm, WhereGroupsDifferTheWeightIsReducedByTheIntraclassCorrelation) {
  const std::vector<std::vector<double>> ratings{{9, 2, 5, 8}, {6, 1, 3, 2},  {8, 4, 6, 8},
                                                 {7, 1, 2, 6}, {10, 5, 6, 9}, {6, 2, 4, 7}};
  Held held;
  for (std::size_t group = 0; group < ratings.size(); ++group) {
    for (const double rating : ratings[group]) {
      held.local.push_back(rating);
      held.distances.push_back(rating);
      held.groups.push_back(static_cast<int>(group));
    }
  }
  const auto term = term_of(held);
  ASSERT_TRUE(term);
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < held.distances.size(); ++i) {
    const double deviation = held.distances[i] - 127.0 / 24;
    squares += deviation * deviation;
    if (i > 0) products += deviation * (held.distances[i - 1] - 127.0 / 24);
  }
  EXPECT_NEAR(term->weight, reduced_weight(std::max(products / squares, 0.0), 24) * (1 - 0.1657), 1e-4);

  for (std::size_t i = 0; i < held.distances.size(); ++i)
    held.distances[i] += 1000 * held.groups[i];  // by day and by night
  EXPECT_LT(term_of(held)->weight, 1e-3);
}

// Frames of a video say less than as many pictures.
TEST(ImageTerm, TheMorePicturesResembleTheirNeighborsTheLessTheyCount) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise;
  for (const double correlation : {0.0, 0.5, 0.9}) {
    Held held = random_pictures(20'000, 8);
    double last = 0;
    for (std::size_t i = 0; i < held.distances.size(); ++i) {
      last = correlation * last + noise(random);
      held.distances[i] = 10 + last;
    }
    EXPECT_NEAR(term_of(held)->weight, reduced_weight(correlation, 20'000), 0.005) << correlation;
  }
  Held still = random_pictures(300, 9);
  for (std::size_t i = 0; i < 300; ++i) still.distances[i] = static_cast<double>(i / 100);
  EXPECT_LT(term_of(still)->weight, 0.05);
}

TEST(ImageTerm, IsAbsentWhereItCannotBeKnown) {
  EXPECT_FALSE(term_of(random_pictures(19, 3)));
  EXPECT_TRUE(term_of(random_pictures(20, 3)));
  Held alike = random_pictures(50, 3);
  alike.distances.assign(50, 1.0);
  EXPECT_FALSE(term_of(alike));
  EXPECT_FALSE(image_term_of(alike.local, {}, {}));
  EXPECT_FALSE(describe_scores({alike.local, {}}, {}).image);
}

TEST(ImageTerm, OfTwoSamplesIsThatOfThemTogether) {
  const Held a = random_pictures(400, 4);
  const Held b = random_pictures(100, 5, 0.3);
  const auto describe = [](const Held &held) {
    return describe_scores(NormalScores{held.local, {}, 0, held.distances, held.groups}, {});
  };
  const ScoreStatistics both = combine(describe(a), describe(b), "mean + 4 sd");
  Held all = a;
  all.local.insert(all.local.end(), b.local.begin(), b.local.end());
  all.distances.insert(all.distances.end(), b.distances.begin(), b.distances.end());
  all.groups.insert(all.groups.end(), b.groups.begin(), b.groups.end());
  const auto together = term_of(all);
  ASSERT_TRUE(both.image && together);
  EXPECT_NEAR(both.image->usual, together->usual, 1e-12);
  EXPECT_NEAR(both.image->standard_deviation, together->standard_deviation, 1e-12);
  EXPECT_NEAR(both.image->local_standard_deviation, together->local_standard_deviation, 1e-12);
  // A model of an earlier version has no distances, so the sum has none.
  EXPECT_FALSE(combine(describe(a), describe_scores({b.local, {}}, {}), "mean + 4 sd").image);
}

TEST(ImageTerm, DistancesThatAreNoNumbersAreLeftOutWithTheirScores) {
  Held held = random_pictures(60, 6);
  held.distances[7] = std::nan("");
  const Calibration calibration =
      calibrate({{"cam", NormalScores{held.local, {}, 0, held.distances, held.groups}}}, {});
  EXPECT_EQ(calibration.sources.at("cam").count, 59);
  EXPECT_TRUE(std::isfinite(calibration.sources.at("cam").threshold));
  ASSERT_TRUE(calibration.pooled->image);
}

}  // namespace
}  // namespace uniad
