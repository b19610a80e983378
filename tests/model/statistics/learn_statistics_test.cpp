// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/learn_statistics.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "model/statistics/routed_gaussians.h"
#include "tests/model/statistics/reference.h"
#include "tests/support/refusal.h"

namespace uniad {
namespace {

using test::draw_pictures;

// Adds pictures and assigns them to the folds in turn.
void teach(StatisticsLearner &learner, const std::string &source, const torch::Tensor &pictures,
           const torch::Tensor &residuals = {}) {
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    EXPECT_TRUE(learner.add(source, static_cast<int>(i % StatisticsLearner::folds), pictures[i],
                            residuals.defined() ? residuals[i] : torch::Tensor()));
  }
}

StatisticsLearner::Learned learn(const torch::Tensor &pictures, const Statistics &known = {}) {
  StatisticsLearner learner(known, StatisticsConfig{});
  teach(learner, "cam", pictures);
  return learner.finish();
}

double mean_of(const torch::Tensor &grids) {
  return grids.mean().item<double>();
}

// --- what is learned

TEST(StatisticsLearner, OneSceneIsOneCluster) {
  const torch::Tensor pictures = draw_pictures(1, 10, 40);
  const Statistics statistics = learn(pictures).statistics;
  ASSERT_EQ(statistics.size(), 1U);
  test::expect_sums(statistics[0], pictures);
}

TEST(StatisticsLearner, TwoProductsHaveClustersOfTheirOwn) {
  const std::vector<torch::Tensor> products{draw_pictures(1, 10, 30) + 3, draw_pictures(2, 11, 20) - 3};
  StatisticsLearner learner({}, StatisticsConfig{}, 2);
  teach(learner, "bottle", products[0]);
  teach(learner, "cable", products[1]);
  EXPECT_EQ(learner.pictures(), 50);
  const Statistics statistics = learner.finish().statistics;
  EXPECT_GE(statistics.size(), 2U);

  // A descriptor is near 3 or -3, within about 1: the mean of its channels identifies the product.
  std::vector<std::int64_t> product_of;
  std::vector<Statistics> clusters_of(2);
  for (const ClusterSums &cluster : statistics) {
    product_of.push_back(cluster.descriptors.mean().item<double>() > 0 ? 0 : 1);
    clusters_of[static_cast<std::size_t>(product_of.back())].push_back(cluster);
  }
  const RoutedGaussians gaussians(statistics, StatisticsConfig{});
  for (std::size_t product = 0; product < 2; ++product) {
    SCOPED_TRACE(product);
    ASSERT_FALSE(clusters_of[product].empty());
    test::expect_sums(test::total_of(clusters_of[product]), products[product]);
    const Route route = gaussians.route(products[product]);
    EXPECT_LE(route.distance.max().item<double>(), 1.0);
    for (std::int64_t i = 0; i < products[product].size(0); ++i) {
      const auto cluster = static_cast<std::size_t>(route.cluster[i].item<std::int64_t>());
      EXPECT_EQ(product_of[cluster], static_cast<std::int64_t>(product)) << i;
    }
  }
}

TEST(StatisticsLearner, WhatIsAddedLaterIsAsIfLearnedTogether) {
  const torch::Tensor first = draw_pictures(1, 10, 20);
  const torch::Tensor second = draw_pictures(1, 11, 20);
  const torch::Tensor both = torch::cat({first, second});
  const Statistics known = learn(first).statistics;
  const Statistics apart = learn(second, known).statistics;
  const Statistics together = learn(both).statistics;
  ASSERT_EQ(apart.size(), 1U);
  ASSERT_EQ(together.size(), 1U);
  test::expect_sums(apart[0], both);
  test::expect_sums(together[0], both);
  test::expect_sums(known[0], first);  // unchanged

  const auto gaussian = [](const Statistics &statistics) {
    const ChannelScale scale = scale_of(statistics, &ClusterSums::features);
    return gaussian_of(statistics[0].features, statistics[0].pictures, scale, 4);
  };
  EXPECT_LT(test::relative_error(gaussian(apart).mean, gaussian(together).mean), 1e-12);
  EXPECT_LT(test::relative_error(gaussian(apart).whitening, gaussian(together).whitening), 1e-9);

  const auto whitening = [](const Statistics &statistics) {
    return picture_whitening(statistics, scale_of(statistics, &ClusterSums::features));
  };
  EXPECT_LT(test::relative_error(whitening(apart), whitening(together)), 1e-9);
}

TEST(StatisticsLearner, HeldBackPicturesAreMeasuredAsAWholeWithTheFoldThatTheyWereIn) {
  const torch::Tensor pictures = draw_pictures(1, 10, 60);
  StatisticsLearner learner({}, {.clusters = 1, .residuals = false, .position_prior = 4});
  teach(learner, "cam", pictures);
  const auto learned = learner.finish();
  const auto &numbers = learned.held_back_pictures.at("cam");
  const auto &images = learned.held_back_images.at("cam");
  const auto &folds = learned.held_back_folds.at("cam");
  ASSERT_EQ(images.size(), 60U);
  ASSERT_EQ(folds.size(), 60U);
  double squares = 0;
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(folds[i], numbers[i] % StatisticsLearner::folds);
    const RoutedGaussians others(learner.without(folds[i], learned.clusters), {.clusters = 1});
    const torch::Tensor kept = pictures[numbers[i]].to(torch::kFloat16).to(torch::kFloat32);
    EXPECT_NEAR(images[i], others.route(kept.unsqueeze(0)).image.item<double>(), 1e-4 * images[i]);
    squares += images[i] * images[i];
  }
  EXPECT_NEAR(std::sqrt(squares / 60), 1, 0.15);  // the average normal picture
}

TEST(StatisticsLearner, ANewProductBeginsClustersBesideTheKnown) {
  const torch::Tensor first = draw_pictures(1, 10, 20);
  const torch::Tensor more_of_first = draw_pictures(1, 11, 10);
  const torch::Tensor second = draw_pictures(2, 12, 20) + 8;
  const Statistics known = learn(first).statistics;
  ASSERT_EQ(known.size(), 1U);
  const Statistics statistics = learn(torch::cat({more_of_first, second}), known).statistics;
  ASSERT_GE(statistics.size(), 2U);
  test::expect_sums(statistics[0], torch::cat({first, more_of_first}));
  test::expect_sums(test::total_of(Statistics(statistics.begin() + 1, statistics.end())), second);
  test::expect_sums(test::total_of(statistics), torch::cat({first, more_of_first, second}));
}

TEST(StatisticsLearner, ResidualsAreLearnedBesideFeatures) {
  const torch::Tensor pictures = draw_pictures(1, 10, 15);
  const torch::Tensor residuals = draw_pictures(2, 11, 15);
  StatisticsLearner learner({}, {.clusters = 1, .residuals = true});
  teach(learner, "cam", pictures, residuals);
  const auto learned = learner.finish();
  const ClusterSums total = test::total_of(learned.statistics);
  test::expect_sums(total, pictures);
  test::expect_token_sums(total.residuals, residuals);
  EXPECT_EQ(learned.held_back_grids.at("cam").size(0), 15);
}

TEST(StatisticsLearner, KnownStatisticsAloneStayAsTheyAre) {
  const Statistics known = learn(draw_pictures(1, 10, 10)).statistics;
  const auto learned = StatisticsLearner(known, StatisticsConfig{}).finish();
  ASSERT_EQ(learned.statistics.size(), known.size());
  for (std::size_t i = 0; i < known.size(); ++i) test::expect_same(learned.statistics[i], known[i]);
  EXPECT_TRUE(learned.held_back_grids.empty());
}

// --- what is held back

// The pictures of each fold are scored under the Gaussian of the pictures of all other folds.
TEST(StatisticsLearner, HeldBackGridsAreOfPicturesThatWereNotLearnedFrom) {
  constexpr double prior = 4;
  const torch::Tensor pictures = draw_pictures(1, 10, 20);
  std::vector<torch::Tensor> expected;
  for (std::int64_t i = 0; i < 20; ++i) {
    std::vector<torch::Tensor> others;
    for (std::int64_t other = 0; other < 20; ++other) {
      if (other % StatisticsLearner::folds != i % StatisticsLearner::folds) others.push_back(pictures[other]);
    }
    const torch::Tensor learned = torch::stack(others);
    const auto gaussian = test::define_gaussian(learned, test::channels_of(learned).deviation, prior);
    const torch::Tensor kept = pictures[i].to(torch::kFloat16);  // as the learner keeps it
    expected.push_back((test::squared_distances(kept, gaussian) / 6).sqrt());
  }
  StatisticsLearner learner({}, {.clusters = 1, .residuals = false, .position_prior = prior});
  teach(learner, "cam", pictures);
  const auto learned = learner.finish();
  const torch::Tensor grids = learned.held_back_grids.at("cam");
  ASSERT_EQ(grids.sizes().vec(), (std::vector<std::int64_t>{20, 3, 4}));
  // In any order, which held_back_pictures specifies.
  const std::vector<std::int64_t> &numbers = learned.held_back_pictures.at("cam");
  ASSERT_EQ(std::set(numbers.begin(), numbers.end()).size(), 20U);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const torch::Tensor actual = grids[static_cast<std::int64_t>(i)].flatten().to(torch::kFloat64);
    const torch::Tensor wanted = expected.at(static_cast<std::size_t>(numbers[i])).flatten();
    EXPECT_LT(((actual - wanted).abs() / wanted).max().item<double>(), 1e-4) << numbers[i];
  }
}

TEST(StatisticsLearner, HeldBackPicturesOfEachSourceLieFartherThanThoseLearnedFrom) {
  const torch::Tensor first = draw_pictures(1, 10, 30);
  const torch::Tensor second = draw_pictures(2, 11, 20) + 8;
  StatisticsLearner learner({}, StatisticsConfig{}, 2);
  teach(learner, "bottle", first);
  teach(learner, "cable", second);
  const auto learned = learner.finish();
  ASSERT_EQ(learned.held_back_grids.size(), 2U);
  const RoutedGaussians gaussians(learned.statistics, StatisticsConfig{});
  const auto expect_farther = [&](const std::string &source, const torch::Tensor &pictures) {
    SCOPED_TRACE(source);
    const torch::Tensor held_back = learned.held_back_grids.at(source);
    EXPECT_EQ(held_back.sizes().vec(), (std::vector<std::int64_t>{pictures.size(0), 3, 4}));
    EXPECT_EQ(held_back.scalar_type(), torch::kFloat32);
    EXPECT_TRUE(held_back.isfinite().all().item<bool>());
    const torch::Tensor learned_from = gaussians.grid(pictures, torch::Tensor(), gaussians.route(pictures));
    EXPECT_GT(mean_of(held_back), mean_of(learned_from));
  };
  expect_farther("bottle", first);
  expect_farther("cable", second);
}

TEST(StatisticsLearner, WithoutAnotherFoldNothingCanBeHeldBack) {
  const torch::Tensor pictures = draw_pictures(1, 10, 6);
  for (const std::int64_t count : {1, 6}) {
    StatisticsLearner learner({}, StatisticsConfig{});
    for (std::int64_t i = 0; i < count; ++i) EXPECT_TRUE(learner.add("cam", 2, pictures[i], torch::Tensor()));
    const auto learned = learner.finish();
    ASSERT_EQ(learned.statistics.size(), 1U);
    test::expect_sums(learned.statistics[0], pictures.slice(0, 0, count));
    EXPECT_TRUE(learned.held_back_grids.empty());
  }
}

// --- what cannot be learned from

TEST(StatisticsLearner, NothingAtAllIsRefused) {
  const StatisticsLearner learner({}, StatisticsConfig{});
  EXPECT_EQ(learner.pictures(), 0);
  EXPECT_TRUE(test::holds(test::refusal([&] { learner.finish(); }), "no picture to learn from"));
}

TEST(StatisticsLearner, AFeatureThatIsNoNumberLeavesThePictureOut) {
  const torch::Tensor pictures = draw_pictures(1, 10, 10);
  const torch::Tensor residuals = draw_pictures(2, 11, 10);
  StatisticsLearner learner({}, {.clusters = 1, .residuals = true});
  teach(learner, "cam", pictures, residuals);
  const auto before = learner.finish();
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const torch::Tensor broken = pictures[0].clone();
    broken[3][1][2].fill_(bad);
    EXPECT_FALSE(learner.add("cam", 0, broken, residuals[0]));
    EXPECT_FALSE(learner.add("cam", 0, pictures[0], broken));
    EXPECT_FALSE(learner.add("another", 1, broken, broken));
  }
  EXPECT_EQ(learner.pictures(), 10);
  const auto after = learner.finish();
  ASSERT_EQ(after.statistics.size(), before.statistics.size());
  for (std::size_t i = 0; i < before.statistics.size(); ++i)
    test::expect_same(after.statistics[i], before.statistics[i]);
  ASSERT_EQ(after.held_back_grids.size(), 1U);
  EXPECT_LT(test::relative_error(after.held_back_grids.at("cam"), before.held_back_grids.at("cam")), 1e-5);
}

// --- memory

// A camera that shows fifty scenes for longer than all its pictures could be kept.
TEST(StatisticsLearner, KeepsFewClustersAndPicturesHoweverManyCome) {
  constexpr std::int64_t count = 3000;
  torch::manual_seed(1);
  const torch::Tensor scenes = torch::randn({50, 8, 1, 1}) * 3;
  const torch::Tensor pictures =
      torch::randn({count, 8, 4, 4}) + scenes.index_select(0, torch::arange(count).remainder(50));
  // With this many sources, each may keep only the minimum of forty pictures.
  StatisticsLearner learner({}, StatisticsConfig{}, 1'000'000'000);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto fold = static_cast<int>(i * StatisticsLearner::folds / count);
    ASSERT_TRUE(learner.add("cam", fold, pictures[i], torch::Tensor()));
  }
  EXPECT_EQ(learner.pictures(), count);
  const auto learned = learner.finish();
  EXPECT_GE(learned.statistics.size(), 2U);
  EXPECT_LE(learned.statistics.size(), 32U);
  test::expect_sums(test::total_of(learned.statistics), pictures, 1e-11);
  EXPECT_EQ(learned.held_back_grids.at("cam").sizes().vec(), (std::vector<std::int64_t>{40, 4, 4}));
}

}  // namespace
}  // namespace uniad
