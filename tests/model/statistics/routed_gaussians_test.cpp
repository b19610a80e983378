// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/routed_gaussians.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/base/error.h"
#include "tests/model/statistics/reference.h"

namespace uniad {
namespace {

using test::Definition;
using test::draw_pictures;
using test::sum_up;
using test::to_tensor;

constexpr double prior = 3;

// The largest error of any number, relative to that number.
double relative_error_each(const torch::Tensor &actual, const torch::Tensor &expected) {
  EXPECT_EQ(actual.sizes().vec(), expected.sizes().vec());
  return ((actual - expected).abs() / expected).max().item<double>();
}

// The grid for the squared distances of tokens with this number of dimensions.
torch::Tensor grid_of(const torch::Tensor &squares, double dimensions) {
  return (squares / dimensions).sqrt().view({3, 4});
}

// The distance of the mean from the learned one, as the root mean square in standard deviations.
double distance_of(const torch::Tensor &mean, const Definition &learned) {
  return std::sqrt(
      (test::squared_lengths(mean - learned.mean, learned.covariance).mean() / 6).item<double>());
}

void follow_picture(RoutedGaussians &gaussians, const torch::Tensor &picture, std::size_t cluster,
                    double rate) {
  const torch::Tensor tokens = picture.flatten(1).t().contiguous();
  gaussians.update_means({tokens.data_ptr<float>(), static_cast<std::size_t>(tokens.numel())}, cluster, rate);
}

class TwoScenes : public testing::Test {
 protected:
  static torch::Tensor draw_first(std::uint64_t seed, std::int64_t count) {
    return draw_pictures(1, seed, count) + 4;
  }
  static torch::Tensor draw_second(std::uint64_t seed, std::int64_t count) {
    return draw_pictures(2, seed, count) - 4;
  }

  // The definition of what was learned from the features of scene 0 or 1.
  Definition define(std::size_t scene, double position_prior = prior) const {
    const test::Row deviation = test::channels_of(torch::cat(scenes_)).deviation;
    return test::define_gaussian(scenes_[scene], deviation, position_prior);
  }

  const std::vector<torch::Tensor> scenes_{draw_first(10, 20), draw_second(11, 30)};
  const Statistics statistics_{sum_up(scenes_[0]), sum_up(scenes_[1])};
  const StatisticsConfig config_{.clusters = 2, .residuals = false, .position_prior = prior};
  // Pictures that were not learned from: two of the first scene, three of the second.
  const torch::Tensor others_ = torch::cat({draw_first(20, 2), draw_second(21, 3)});
};

TEST_F(TwoScenes, GridHoldsEveryTokensMahalanobisDistance) {
  const RoutedGaussians gaussians(statistics_, config_);
  EXPECT_EQ(gaussians.clusters(), 2);
  EXPECT_FALSE(gaussians.of_residuals());
  const torch::Tensor grid = gaussians.grid(others_, torch::Tensor(), gaussians.route(others_));
  ASSERT_EQ(grid.scalar_type(), torch::kFloat32);
  for (std::int64_t i = 0; i < 5; ++i) {
    const Definition gaussian = define(i < 2 ? 0 : 1);
    EXPECT_LT(relative_error_each(grid[i], grid_of(test::squared_distances(others_[i], gaussian), 6)), 1e-4);
  }
}

TEST_F(TwoScenes, GridWithResidualsIsTheRootOfTheMeanOfBothSquares) {
  const std::vector<torch::Tensor> residuals{draw_pictures(3, 12, 20), draw_pictures(4, 13, 30) * 0.5};
  const Statistics statistics{sum_up(scenes_[0], residuals[0]), sum_up(scenes_[1], residuals[1])};
  const RoutedGaussians gaussians(statistics, {.clusters = 2, .residuals = true, .position_prior = prior});
  EXPECT_TRUE(gaussians.of_residuals());
  const torch::Tensor left = draw_pictures(3, 22, 5);
  const torch::Tensor grid = gaussians.grid(others_, left, gaussians.route(others_));
  const test::Row deviation = test::channels_of(torch::cat(residuals)).deviation;
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::size_t scene = i < 2 ? 0 : 1;
    const torch::Tensor squares =
        test::squared_distances(others_[i], define(scene)) +
        test::squared_distances(left[i], test::define_gaussian(residuals[scene], deviation, prior));
    EXPECT_LT(relative_error_each(grid[i], grid_of(squares, 12)), 1e-4);
  }
}

TEST_F(TwoScenes, ABatchIsAsItsPicturesOneByOne) {
  const RoutedGaussians gaussians(statistics_, config_);
  const Route route = gaussians.route(others_);
  const torch::Tensor grid = gaussians.grid(others_, torch::Tensor(), route);
  for (std::int64_t i = 0; i < 5; ++i) {
    const torch::Tensor picture = others_.slice(0, i, i + 1);
    const Route alone = gaussians.route(picture);
    EXPECT_EQ(alone.cluster.item<std::int64_t>(), route.cluster[i].item<std::int64_t>());
    EXPECT_NEAR(alone.distance.item<double>(), route.distance[i].item<double>(), 1e-5);
    EXPECT_LT(test::relative_error(gaussians.grid(picture, torch::Tensor(), alone)[0], grid[i]), 1e-5);
  }
}

// --- where a picture belongs

TEST_F(TwoScenes, RouteLeadsToTheNearestCenter) {
  const test::Row deviation = test::channels_of(torch::cat(scenes_)).deviation;
  const auto distance = [&](const test::Row &a, const test::Row &b) {
    double squares = 0;
    for (std::size_t c = 0; c < a.size(); ++c) squares += std::pow((a[c] - b[c]) / deviation[c], 2);
    return std::sqrt(squares / static_cast<double>(a.size()));
  };
  std::vector<test::Row> centers;
  std::vector<double> limits;
  for (const torch::Tensor &scene : scenes_) {
    test::Row center = test::totals_of(scene).descriptors;
    for (double &value : center) value /= static_cast<double>(scene.size(0));
    double squares = 0;
    for (std::int64_t i = 0; i < scene.size(0); ++i)
      squares += std::pow(distance(test::descriptor_of(scene[i]), center), 2);
    centers.push_back(center);
    limits.push_back(std::max(0.3, 4 * std::sqrt(squares / static_cast<double>(scene.size(0)))));
  }

  const RoutedGaussians gaussians(statistics_, config_);
  // From one scene to the other, and beyond both.
  for (const double way : {-1.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 3.0}) {
    SCOPED_TRACE(way);
    const torch::Tensor picture = torch::lerp(scenes_[0][0], scenes_[1][0], way);
    const test::Row descriptor = test::descriptor_of(picture);
    const std::size_t nearest = distance(descriptor, centers[0]) < distance(descriptor, centers[1]) ? 0 : 1;
    const Route route = gaussians.route(picture.unsqueeze(0));
    EXPECT_EQ(route.cluster.item<std::int64_t>(), static_cast<std::int64_t>(nearest));
    EXPECT_NEAR(route.distance.item<double>(), distance(descriptor, centers[nearest]) / limits[nearest],
                1e-3);
  }
}

TEST_F(TwoScenes, OnlyWhatWasNeverLearnedLiesBeyondOne) {
  const RoutedGaussians gaussians(statistics_, config_);
  const Route known = gaussians.route(torch::cat({draw_first(30, 20), draw_second(31, 20)}));
  EXPECT_LT(known.distance.max().item<double>(), 1.0);
  EXPECT_TRUE(known.cluster.slice(0, 0, 20).eq(0).all().item<bool>());
  EXPECT_TRUE(known.cluster.slice(0, 20).eq(1).all().item<bool>());
  EXPECT_GT(gaussians.route(draw_pictures(5, 32, 20) + 15).distance.min().item<double>(), 1.0);
}

// For a cluster without any spread, the limit is 0.3 standard deviations.
TEST(RoutedGaussians, ASceneThatNeverChangedStillTakesInWhatIsNear) {
  const torch::Tensor picture = draw_pictures(1, 10, 1);
  const torch::Tensor deviation = to_tensor(test::channels_of(picture).deviation).to(torch::kFloat32);
  const RoutedGaussians gaussians({sum_up(picture)}, StatisticsConfig{});
  for (const double away : {0.0, 0.15, 0.45}) {
    const Route route = gaussians.route(picture + deviation.view({1, 6, 1, 1}) * away);
    EXPECT_NEAR(route.distance.item<double>(), away / 0.3, 1e-3);
  }
}

TEST(RoutedGaussians, AChannelThatNeverChangesChangesNothing) {
  const torch::Tensor pictures = draw_pictures(1, 10, 8);
  pictures.select(1, 2).fill_(0.1);
  const RoutedGaussians gaussians({sum_up(pictures)}, StatisticsConfig{});
  const torch::Tensor changed = pictures.clone();
  changed.select(1, 2).fill_(7);
  const Route route = gaussians.route(pictures);
  EXPECT_LT((gaussians.route(changed).distance - route.distance).abs().max().item<double>(), 1e-5);
  const torch::Tensor grid = gaussians.grid(pictures, torch::Tensor(), route);
  EXPECT_TRUE(grid.isfinite().all().item<bool>());
  EXPECT_LT(test::relative_error(gaussians.grid(changed, torch::Tensor(), route), grid), 1e-5);
}

TEST_F(TwoScenes, SumsThatNoPicturesHaveAreRefused) {
  Statistics falsified = statistics_;
  falsified[1].features.products = falsified[1].features.products.clone();
  falsified[1].features.products[0][1].fill_(1e6);
  falsified[1].features.products[1][0].fill_(1e6);
  EXPECT_THROW(RoutedGaussians(falsified, config_), Error);
}

// --- the picture as a whole

class WholeScenes : public TwoScenes {
 protected:
  WholeScenes() {
    for (std::size_t scene = 0; scene < 2; ++scene)
      for (std::int64_t i = 0; i < scenes_[scene].size(0); ++i) {
        const torch::Tensor descriptor = to_tensor(test::descriptor_of(scenes_[scene][i]));
        add_descriptor_products(whole_, torch::outer(descriptor, descriptor));
      }
  }

  // From the nearest of these centers.
  double distance(const torch::Tensor &picture, const std::vector<torch::Tensor> &centers) const {
    const ChannelScale scale = scale_of(whole_, &ClusterSums::features);
    double least = INFINITY;
    for (const torch::Tensor &center : centers) {
      const torch::Tensor deviation = (to_tensor(test::descriptor_of(picture)) - center) * scale.inverse_std;
      const torch::Tensor white = picture_whitening(whole_, scale).mv(deviation);
      least = std::min(least, std::sqrt(white.square().mean().item<double>()));
    }
    return least;
  }

  torch::Tensor center(std::size_t scene) const { return whole_[scene].descriptors / whole_[scene].pictures; }

  Statistics whole_ = statistics_;
};

TEST_F(WholeScenes, IsMeasuredFromTheNearestCenter) {
  const RoutedGaussians gaussians(whole_, config_);
  ASSERT_TRUE(gaussians.measures_images());
  const Route route = gaussians.route(others_);
  for (std::int64_t i = 0; i < 5; ++i) {
    const double expected = distance(others_[i], {center(0), center(1)});
    EXPECT_NEAR(route.image[i].item<double>(), expected, 1e-4 * expected);
  }
  const RoutedGaussians of_earlier_version(statistics_, config_);
  EXPECT_FALSE(of_earlier_version.measures_images());
  EXPECT_EQ(of_earlier_version.route(others_).image.abs().max().item<double>(), 0);
}

TEST_F(WholeScenes, FollowsMeansThatAdapt) {
  RoutedGaussians gaussians(whole_, config_);
  gaussians.adapt(true);
  const torch::Tensor picture = draw_first(30, 1)[0] + 2;
  follow_picture(gaussians, picture, 0, 0.25);
  const Definition learned = define(0);
  const torch::Tensor step = ((to_tensor(test::tokens_of(picture)) - learned.mean) * 0.25).mean(0);
  const double expected = distance(others_[0], {center(0) + step, center(1)});
  EXPECT_NEAR(gaussians.route(others_).image[0].item<double>(), expected, 1e-4 * expected);

  // What is saved is measured in the same way; deviations from the means stay.
  const Statistics moved = gaussians.with_adapted_means(whole_);
  const ChannelScale scale = scale_of(whole_, &ClusterSums::features);
  EXPECT_LT(test::relative_error(picture_whitening(moved, scale), picture_whitening(whole_, scale)), 1e-4);
}

// --- drift

TEST_F(TwoScenes, AMeanThatIsFollowedIsMeasuredFrom) {
  RoutedGaussians gaussians(statistics_, config_);
  gaussians.adapt(true);
  EXPECT_EQ(gaussians.drift(), 0.0);
  const std::vector<Definition> learned{define(0), define(1)};
  std::vector<Definition> present = learned;
  const auto update_means = [&](const torch::Tensor &picture, std::size_t scene, double rate) {
    follow_picture(gaussians, picture, scene, rate);
    torch::Tensor &mean = present[scene].mean;
    mean = mean + (to_tensor(test::tokens_of(picture)) - mean) * rate;
  };
  const auto expect_grids = [&] {
    const torch::Tensor grid = gaussians.grid(others_, torch::Tensor(), gaussians.route(others_));
    for (std::int64_t i = 0; i < 5; ++i) {
      const torch::Tensor squares = test::squared_distances(others_[i], present[i < 2 ? 0 : 1]);
      EXPECT_LT(relative_error_each(grid[i], grid_of(squares, 6)), 1e-4);
    }
  };

  update_means(draw_first(30, 1)[0] + 2, 0, 0.25);
  expect_grids();
  const double once = gaussians.drift();
  EXPECT_NEAR(once, distance_of(present[0].mean, learned[0]), 1e-4 * once);
  update_means(draw_first(31, 1)[0] + 2, 0, 0.5);
  expect_grids();
  const double twice = gaussians.drift();
  EXPECT_GT(twice, once);
  EXPECT_NEAR(twice, distance_of(present[0].mean, learned[0]), 1e-4 * twice);

  update_means(draw_second(32, 1)[0], 1, 0.1);
  expect_grids();
  const double first = distance_of(present[0].mean, learned[0]);
  const double second = distance_of(present[1].mean, learned[1]);
  EXPECT_NEAR(gaussians.drift(), std::sqrt((first * first + second * second) / 2), 1e-4 * twice);

  update_means(draw_second(33, 1)[0], 1, 1);  // wholly
  expect_grids();
}

TEST_F(TwoScenes, WithoutAdaptingDriftIsSeenAndNotFollowed) {
  RoutedGaussians gaussians(statistics_, config_);
  const Route route = gaussians.route(others_);
  const torch::Tensor learned = gaussians.grid(others_, torch::Tensor(), route);
  double before = gaussians.drift();
  EXPECT_EQ(before, 0.0);
  for (std::uint64_t i = 0; i < 5; ++i) {
    follow_picture(gaussians, draw_first(30 + i, 1)[0] + 6, 0, 0.1);
    EXPECT_GT(gaussians.drift(), before);
    before = gaussians.drift();
  }
  EXPECT_LT(test::relative_error(gaussians.grid(others_, torch::Tensor(), route), learned), 1e-6);
  const Statistics unmoved = gaussians.with_adapted_means(statistics_);
  for (std::size_t i = 0; i < 2; ++i) test::expect_same(unmoved[i], statistics_[i]);

  gaussians.adapt(true);
  const torch::Tensor adapted = gaussians.grid(others_, torch::Tensor(), route);
  EXPECT_GT(test::relative_error(adapted.slice(0, 0, 2), learned.slice(0, 0, 2)), 0.1);
  EXPECT_LT(test::relative_error(adapted.slice(0, 2), learned.slice(0, 2)), 1e-6) << "the other scene";
}

TEST_F(TwoScenes, MovedStatisticsAreThoseOfPicturesThatAllMovedAlike) {
  RoutedGaussians gaussians(statistics_, {.clusters = 2, .residuals = false, .position_prior = 0});
  gaussians.adapt(true);
  const torch::Tensor picture = draw_first(30, 1)[0] + 2;
  follow_picture(gaussians, picture, 0, 0.25);
  const torch::Tensor step = (to_tensor(test::tokens_of(picture)) - define(0, 0).mean) * 0.25;

  const Statistics moved = gaussians.with_adapted_means(statistics_);
  ASSERT_EQ(moved.size(), 2U);
  test::expect_sums(moved[0], scenes_[0].to(torch::kFloat64) + step.t().reshape({6, 3, 4}), 1e-6);
  test::expect_same(moved[1], statistics_[1]);
  test::expect_sums(statistics_[0], scenes_[0]);  // unchanged

  const ChannelScale scale = scale_of(statistics_, &ClusterSums::features);
  const Gaussian before = gaussian_of(statistics_[0].features, 20, scale, 0);
  const Gaussian after = gaussian_of(moved[0].features, 20, scale, 0);
  EXPECT_LT((after.mean - before.mean - step).abs().max().item<double>(), 1e-5);
  EXPECT_LT(test::relative_error(after.whitening, before.whitening), 1e-6);
}

}  // namespace
}  // namespace uniad
