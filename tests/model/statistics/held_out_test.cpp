// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/held_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/model/statistics/reference.h"

namespace uniad {
namespace {

using test::draw_pictures;

constexpr double position_prior = 3;

Partition partition_of(const std::vector<torch::Tensor> &sets) {
  Partition clusters;
  for (const torch::Tensor &set : sets)
    clusters.push_back(std::make_shared<const ClusterSums>(test::sum_up(set)));
  return clusters;
}

std::vector<torch::Tensor> one_by_one(const torch::Tensor &pictures) {
  std::vector<torch::Tensor> all;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) all.push_back(pictures[i]);
  return all;
}

class ThreeScenes : public testing::Test {
 protected:
  static torch::Tensor draw(std::uint64_t scene, std::uint64_t seed, std::int64_t count) {
    return draw_pictures(scene, seed, count) + 6 * (static_cast<double>(scene) - 2);
  }

  // The density of the pictures held back, by definition: each under the Gaussian of the set at its index in
  // `sets`.
  double defined(const std::vector<torch::Tensor> &sets) const {
    const test::Row deviation = test::channels_of(torch::cat(learned_)).deviation;
    double sum = 0;
    for (std::size_t i = 0; i < held_back_.size(); ++i) {
      const test::Definition gaussian = test::define_gaussian(sets[i], deviation, position_prior);
      const double squares = test::squared_distances(held_back_[i], gaussian).mean().item<double>();
      sum += -(squares + gaussian.log_determinant) / 2;
    }
    return sum;
  }

  std::vector<double> densities(const Partition &known, const Partition &fresh) const {
    return held_out_densities(known, fresh, held_back_, scale_, position_prior);
  }

  const std::vector<torch::Tensor> learned_{draw(1, 10, 9), draw(2, 11, 14), draw(3, 12, 20)};
  const std::vector<torch::Tensor> held_back_{draw(1, 20, 1)[0], draw(2, 21, 1)[0], draw(3, 22, 1)[0]};
  const Partition clusters_ = partition_of(learned_);
  const ChannelScale scale_ =
      scale_of(Statistics{*clusters_[0], *clusters_[1], *clusters_[2]}, &ClusterSums::features);
};

TEST_F(ThreeScenes, DensityIsThatOfStandardizedTokensUnderEveryNumberOfClusters) {
  const std::vector<double> sums = densities({}, clusters_);
  ASSERT_GE(sums.size(), 4U);
  const torch::Tensor all = torch::cat(learned_);
  // The first two are the smallest, so merging them costs the least.
  const torch::Tensor first_two = torch::cat({learned_[0], learned_[1]});
  EXPECT_NEAR(sums[0], defined({all, all, all}), 1e-3);
  EXPECT_NEAR(sums[1], defined({first_two, first_two, learned_[2]}), 1e-3);
  EXPECT_NEAR(sums[2], defined(learned_), 1e-3);
  EXPECT_GT(sums[2], sums[1]);
  // Three cannot become four.
  EXPECT_EQ(sums[3], sums[2]);
}

TEST_F(ThreeScenes, KnownClustersStandBesideTheFreshAndAreNeverJoined) {
  const std::vector<double> sums = densities({clusters_[0]}, {clusters_[1], clusters_[2]});
  ASSERT_GE(sums.size(), 2U);
  const torch::Tensor last_two = torch::cat({learned_[1], learned_[2]});
  EXPECT_NEAR(sums[0], defined({learned_[0], last_two, last_two}), 1e-3);
  EXPECT_NEAR(sums[1], defined(learned_), 1e-3);
  for (const double sum : densities(clusters_, {})) EXPECT_NEAR(sum, defined(learned_), 1e-3);
}

// Clusters of one picture each: the more there are, the worse they predict other pictures.
TEST(HeldOut, EndsSoonAfterMoreClustersNoLongerHelp) {
  const torch::Tensor pictures = draw_pictures(1, 10, 40);
  std::vector<torch::Tensor> singles;
  for (std::int64_t i = 0; i < 40; ++i) singles.push_back(pictures.slice(0, i, i + 1));
  const Partition single = partition_of(singles);
  const ChannelScale scale = scale_of(std::vector{test::sum_up(pictures)}, &ClusterSums::features);
  const auto sums =
      held_out_densities({}, single, one_by_one(draw_pictures(1, 20, 10)), scale, position_prior);
  const auto best = std::max_element(sums.begin(), sums.end()) - sums.begin();
  EXPECT_EQ(best, 0);
  EXPECT_EQ(sums.size(), 4U);
}

TEST_F(ThreeScenes, NothingIsSaidOfNoPicturesOrByNoClusters) {
  EXPECT_TRUE(held_out_densities({}, clusters_, {}, scale_, position_prior).empty());
  EXPECT_TRUE(densities({}, {}).empty());
}

}  // namespace
}  // namespace uniad
