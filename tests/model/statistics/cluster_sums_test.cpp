// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/cluster_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/file/network_tensors.h"
#include "tests/model/statistics/reference.h"
#include "tests/support/refusal.h"

namespace uniad {
namespace {

using test::draw_pictures;
using test::relative_error;
using test::sum_up;
using test::to_tensor;

ChannelScale scale_of_features(const ClusterSums &sums) {
  return scale_of(Statistics{sums}, &ClusterSums::features);
}

Gaussian gaussian_of_features(const ClusterSums &sums, double prior) {
  return gaussian_of(sums.features, sums.pictures, scale_of_features(sums), prior);
}

// The distance of W covariance W^T from the identity.
double error_of_whitening(const torch::Tensor &whitening, const torch::Tensor &covariance) {
  const torch::Tensor whitened = whitening.mm(covariance).mm(whitening.t());
  return (whitened - torch::eye(covariance.size(0), torch::kFloat64)).abs().max().item<double>();
}

TEST(ClusterSums, OfTwoSetsAddedAreThoseOfAllPictures) {
  const torch::Tensor pictures = draw_pictures(1, 10, 9);
  const torch::Tensor residuals = draw_pictures(2, 11, 9);
  ClusterSums all = sum_up(pictures.slice(0, 0, 4), residuals.slice(0, 0, 4));
  const ClusterSums some = all;  // shares its tensors with the sums that are added to
  const ClusterSums others = sum_up(pictures.slice(0, 4), residuals.slice(0, 4));
  all += others;
  test::expect_sums(all, pictures);
  test::expect_token_sums(all.residuals, residuals);
  test::expect_sums(some, pictures.slice(0, 0, 4));
  test::expect_token_sums(some.residuals, residuals.slice(0, 0, 4));
  test::expect_sums(others, pictures.slice(0, 4));
}

TEST(ClusterSums, WithoutResidualsHaveNone) {
  const ClusterSums sums = sum_up(draw_pictures(1, 10, 2));
  EXPECT_TRUE(sums.features.defined());
  EXPECT_FALSE(sums.residuals.defined());
}

TEST(ChannelScale, IsThatOfAllTokensOfAllClusters) {
  const torch::Tensor first = draw_pictures(1, 10, 3);
  const torch::Tensor second = draw_pictures(2, 11, 5) + 3;
  const Statistics statistics{sum_up(first, second.slice(0, 0, 3)), sum_up(second, second * 2)};
  const auto expect_scale = [&](TokenSums ClusterSums::*part, const torch::Tensor &all) {
    const ChannelScale scale = scale_of(statistics, part);
    const test::Channels channels = test::channels_of(all);
    EXPECT_LT(relative_error(scale.mean, to_tensor(channels.mean)), 1e-12);
    EXPECT_LT(relative_error(scale.inverse_std.reciprocal(), to_tensor(channels.deviation)), 1e-12);
  };
  expect_scale(&ClusterSums::features, torch::cat({first, second}));
  expect_scale(&ClusterSums::residuals, torch::cat({second.slice(0, 0, 3), second * 2}));
}

TEST(Centers, AreMeanDescriptorsInStandardizedChannels) {
  const std::vector<torch::Tensor> scenes{draw_pictures(1, 10, 3), draw_pictures(2, 11, 5) + 3};
  const test::Channels channels = test::channels_of(torch::cat(scenes));
  test::Table expected;
  for (const torch::Tensor &scene : scenes) {
    test::Row center = test::totals_of(scene).descriptors;
    for (std::size_t c = 0; c < center.size(); ++c)
      center[c] = (center[c] / static_cast<double>(scene.size(0)) - channels.mean[c]) / channels.deviation[c];
    expected.push_back(center);
  }
  const Statistics statistics{sum_up(scenes[0]), sum_up(scenes[1])};
  const ChannelScale scale = scale_of(statistics, &ClusterSums::features);
  EXPECT_LT(relative_error(centers_of(statistics, scale), to_tensor(expected)), 1e-11);
}

TEST(Gaussian, IsThatOfItsPicturesWithEquation23OfChenEtAl) {
  for (const double prior : {0.0, 3.0}) {
    for (const std::int64_t count : {2, 20}) {
      SCOPED_TRACE("prior " + std::to_string(prior) + ", pictures " + std::to_string(count));
      const torch::Tensor pictures = draw_pictures(1, 10, count);
      const test::Definition expected =
          test::define_gaussian(pictures, test::channels_of(pictures).deviation, prior);
      const Gaussian gaussian = gaussian_of_features(sum_up(pictures), prior);
      EXPECT_LT(relative_error(gaussian.mean, expected.mean), 1e-12);
      EXPECT_LT(error_of_whitening(gaussian.whitening, expected.covariance), 1e-9);
      EXPECT_NEAR(gaussian.log_determinant, expected.log_determinant, 1e-9);
    }
  }
}

TEST(Gaussian, MeanOfAPositionCountsAsMuchAsItsPicturesAgainstThePrior) {
  const torch::Tensor pictures = draw_pictures(1, 10, 3);
  const torch::Tensor at_position = pictures.to(torch::kFloat64).mean(0).flatten(1).t();
  const torch::Tensor overall = at_position.mean(0, /*keepdim=*/true);
  const Gaussian gaussian = gaussian_of_features(sum_up(pictures), 5);
  EXPECT_LT(relative_error(gaussian.mean, at_position * 3 / 8 + overall * 5 / 8), 1e-12);
}

TEST(Gaussian, AChannelThatNeverChangesSaysNothing) {
  const torch::Tensor pictures = draw_pictures(1, 10, 8);
  pictures.select(1, 2).fill_(0.1);
  const ClusterSums sums = sum_up(pictures);
  EXPECT_EQ(scale_of_features(sums).inverse_std[2].item<double>(), 0.0);
  EXPECT_EQ((scale_of_features(sums).inverse_std == 0).sum().item<int>(), 1);
  const Gaussian gaussian = gaussian_of_features(sums, 4);
  EXPECT_TRUE(gaussian.whitening.isfinite().all().item<bool>());
  EXPECT_TRUE(std::isfinite(gaussian.log_determinant));

  const auto distances = [&](const torch::Tensor &picture) {
    const torch::Tensor deviations = to_tensor(test::tokens_of(picture)) - gaussian.mean;
    return deviations.mm(gaussian.whitening.t()).square().sum(1);
  };
  const torch::Tensor changed = pictures[0].clone();
  changed[2].fill_(1000);
  EXPECT_TRUE(distances(pictures[0]).isfinite().all().item<bool>());
  EXPECT_GT(distances(pictures[0]).min().item<double>(), 0.0);
  EXPECT_LT(relative_error(distances(changed), distances(pictures[0])), 1e-12);
}

// The covariance is zero. What remains is the floor, a hundredth of each deviation.
TEST(Gaussian, OfIdenticalPicturesStandsOnTheFloor) {
  const ClusterSums sums = sum_up(draw_pictures(1, 10, 1).repeat({5, 1, 1, 1}));
  const Gaussian gaussian = gaussian_of_features(sums, 0);
  const torch::Tensor floor = torch::diag(scale_of_features(sums).inverse_std) * 100;
  EXPECT_TRUE(gaussian.whitening.isfinite().all().item<bool>());
  EXPECT_LT(relative_error(gaussian.whitening, floor), 1e-6);
}

TEST(Gaussian, OfOnePictureIsThatOfItsTokens) {
  const torch::Tensor picture = draw_pictures(1, 10, 1);
  const test::Definition expected = test::define_gaussian(picture, test::channels_of(picture).deviation, 4);
  const Gaussian gaussian = gaussian_of_features(sum_up(picture), 4);
  EXPECT_LT(relative_error(gaussian.mean, expected.mean), 1e-12);
  EXPECT_LT(error_of_whitening(gaussian.whitening, expected.covariance), 1e-9);
}

TEST(Gaussian, OfSumsThatNoPicturesHaveIsRefused) {
  const ClusterSums sums = sum_up(draw_pictures(1, 10, 20));
  const auto refusal = [&](const torch::Tensor &products) {
    const TokenSums falsified{sums.features.positions, products};
    return test::refusal([&] { gaussian_of(falsified, sums.pictures, scale_of_features(sums), 4); });
  };
  const std::string reason = "the sums are inconsistent";
  EXPECT_EQ(refusal(sums.features.products), "");
  EXPECT_TRUE(test::holds(refusal(-sums.features.products), reason));
  const torch::Tensor unequal = sums.features.products.clone();  // a correlation far above 1
  unequal[0][1].fill_(1e6);
  unequal[1][0].fill_(1e6);
  EXPECT_TRUE(test::holds(refusal(unequal), reason));
  const torch::Tensor unknown =
      torch::full_like(sums.features.products, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(test::holds(refusal(unknown), reason));
}

// Two scenes, whose clusters hold the products of their descriptors.
class WholePictures : public testing::Test {
 protected:
  static ClusterSums with_products(const torch::Tensor &pictures) {
    ClusterSums sums = sum_up(pictures);
    for (std::int64_t i = 0; i < pictures.size(0); ++i) {
      const torch::Tensor descriptor = to_tensor(test::descriptor_of(pictures[i]));
      add_descriptor_products({&sums, 1}, torch::outer(descriptor, descriptor));
    }
    return sums;
  }

  const torch::Tensor first_ = draw_pictures(1, 10, 40);
  const torch::Tensor second_ = draw_pictures(2, 11, 25);
  Statistics statistics_{with_products(first_), with_products(second_)};
  ChannelScale scale_ = scale_of(statistics_, &ClusterSums::features);
};

TEST_F(WholePictures, WhiteningIsThatOfTheirDeviationsFromTheirCluster) {
  std::vector<torch::Tensor> deviations;
  for (const torch::Tensor &pictures : {first_, second_}) {
    std::vector<torch::Tensor> descriptors;
    for (std::int64_t i = 0; i < pictures.size(0); ++i)
      descriptors.push_back(to_tensor(test::descriptor_of(pictures[i])));
    const torch::Tensor all = torch::stack(descriptors);
    deviations.push_back((all - all.mean(0)) * scale_.inverse_std);
  }
  const torch::Tensor all = torch::cat(deviations);
  const torch::Tensor covariance = all.t().mm(all) / all.size(0);
  // Equation 23 of Chen et al., with 65 samples of 6 channels.
  const double size = 6;
  const double count = 65;
  const double trace = covariance.trace().item<double>();
  const double squares = covariance.square().sum().item<double>();
  const double shrinkage = std::min(1.0, ((1 - 2 / size) * squares + trace * trace) /
                                             ((count + 1 - 2 / size) * (squares - trace * trace / size)));
  const torch::Tensor shrunk =
      (1 - shrinkage) * covariance + (shrinkage * trace / size + 1e-6) * torch::eye(6, torch::kFloat64);
  EXPECT_LT(error_of_whitening(picture_whitening(statistics_, scale_), shrunk), 1e-8);
}

TEST_F(WholePictures, ItDoesNotMatterWhichClusterHoldsTheProducts) {
  Statistics elsewhere = statistics_;
  add_descriptor_products({&elsewhere[1], 1}, elsewhere[0].descriptor_products);
  elsewhere[0].descriptor_products = torch::Tensor();
  EXPECT_LT(relative_error(picture_whitening(elsewhere, scale_), picture_whitening(statistics_, scale_)),
            1e-9);
  std::map<std::string, StoredTensor> tensors;
  store_statistics(statistics_, tensors);
  EXPECT_LT(relative_error(picture_whitening(load_statistics(tensors, false), scale_),
                           picture_whitening(statistics_, scale_)),
            1e-9);
}

TEST_F(WholePictures, WithPicturesOfAnEarlierVersionAmongThemNothingIsSaid) {
  statistics_.push_back(sum_up(first_.slice(0, 0, 1)));
  EXPECT_FALSE(picture_whitening(statistics_, scale_).defined());
  for (ClusterSums &cluster : statistics_) cluster.descriptor_products = torch::Tensor();
  EXPECT_FALSE(picture_whitening(statistics_, scale_).defined());
  std::map<std::string, StoredTensor> tensors;
  store_statistics(statistics_, tensors);
  EXPECT_FALSE(tensors.contains("statistics.descriptor_products"));
}

TEST_F(WholePictures, ProductsThatNoPicturesHaveAreRefused) {
  torch::Tensor &products = statistics_.front().descriptor_products;
  products = products.clone();
  products[0][1].fill_(1e6);  // a correlation far above 1
  products[1][0].fill_(1e6);
  EXPECT_TRUE(test::holds(test::refusal([&] { picture_whitening(statistics_, scale_); }),
                          "the sums are inconsistent"));
}

TEST(StoredStatistics, ComeBackAsTheyWere) {
  const torch::Tensor pictures = draw_pictures(1, 10, 5);
  const torch::Tensor residuals = draw_pictures(2, 11, 5);
  for (const bool with_residuals : {false, true}) {
    const torch::Tensor left = with_residuals ? residuals : torch::Tensor();
    const Statistics statistics{sum_up(pictures.slice(0, 0, 2), left), sum_up(pictures, left)};
    std::map<std::string, StoredTensor> tensors;
    store_statistics(statistics, tensors);
    const Statistics loaded = load_statistics(tensors, with_residuals);
    ASSERT_EQ(loaded.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) test::expect_same(loaded[i], statistics[i]);
  }
}

TEST(StoredStatistics, AreThoseThatTheModelFileAsksFor) {
  const torch::Tensor pictures = draw_pictures(1, 10, 5);
  for (const bool with_residuals : {false, true}) {
    const ClusterSums sums = sum_up(pictures, with_residuals ? pictures : torch::Tensor());
    std::map<std::string, StoredTensor> tensors;
    store_statistics(Statistics{sums, sums, sums}, tensors);
    const auto expected = statistics_tensors({.clusters = 3, .residuals = with_residuals}, 6, 12);
    EXPECT_EQ(tensors.size(), expected.size());
    EXPECT_EQ(test::refusal([&] { check_tensors(expected, "statistics.", tensors, "here", "none"); }), "");
  }
}

TEST(StoredStatistics, AreNoneWhereThereAreNone) {
  EXPECT_TRUE(load_statistics({}, false).empty());
}

TEST(FewestPictures, HaveTwentyTokensAChannel) {
  EXPECT_EQ(fewest_pictures(272, 196), 28);
  EXPECT_EQ(fewest_pictures(10, 200), 1);
  EXPECT_EQ(fewest_pictures(10, 199), 2);
}

}  // namespace
}  // namespace uniad
