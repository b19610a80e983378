// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/clusters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "tests/model/statistics/reference.h"

namespace uniad {
namespace {

using test::draw_pictures;
using test::sum_up;

ChannelScale scale_of_features(const Partition &clusters) {
  return scale_of(joined({}, clusters), &ClusterSums::features);
}

OnlineClusters gather(const torch::Tensor &pictures, const torch::Tensor &residuals, std::size_t most) {
  OnlineClusters clusters(most);
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    clusters.add(sums_of(pictures[i], residuals.defined() ? residuals[i] : torch::Tensor()));
    EXPECT_EQ(clusters.clusters().size(), std::min(most, static_cast<std::size_t>(i + 1)));
  }
  return clusters;
}

torch::Tensor any_order(std::uint64_t seed, std::int64_t count) {
  torch::manual_seed(seed);
  return torch::randperm(count);
}

TEST(OnlineClusters, HoldEveryPictureInAtMostSoMany) {
  const torch::Tensor pictures = torch::cat({draw_pictures(1, 10, 12), draw_pictures(2, 11, 8)});
  const torch::Tensor residuals = draw_pictures(3, 12, 20);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const torch::Tensor order = any_order(seed, 20);
    for (const std::size_t most : {1U, 4U, 40U}) {
      SCOPED_TRACE("order " + std::to_string(seed) + ", at most " + std::to_string(most));
      const OnlineClusters clusters =
          gather(pictures.index_select(0, order), residuals.index_select(0, order), most);
      const ClusterSums total = test::total_of(joined({}, clusters.clusters()));
      test::expect_sums(total, pictures);
      test::expect_token_sums(total.residuals, residuals);
    }
  }
}

TEST(Clusters, OfThreeScenesArePure) {
  const std::vector<torch::Tensor> scenes{draw_pictures(1, 10, 10) + 10, draw_pictures(2, 11, 14),
                                          draw_pictures(3, 12, 18) - 10};
  const torch::Tensor pictures = torch::cat(scenes);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    SCOPED_TRACE(seed);
    const Partition online =
        gather(pictures.index_select(0, any_order(seed, 42)), torch::Tensor(), 8).clusters();
    const Partition three = ward_merge(online, 3, scale_of_features(online));
    ASSERT_EQ(three.size(), 3U);
    for (const torch::Tensor &scene : scenes) {
      const auto own = std::find_if(three.begin(), three.end(),
                                    [&](const auto &cluster) { return cluster->pictures == scene.size(0); });
      ASSERT_TRUE(own != three.end());
      test::expect_sums(**own, scene);
    }
  }
}

TEST(MergeDown, KeepsTheTotalsAndChangesNoClusterItWasGiven) {
  const torch::Tensor pictures = draw_pictures(1, 10, 9);
  const Partition single = gather(pictures, pictures * 2, 9).clusters();
  const ChannelScale scale = scale_of_features(single);
  for (const std::size_t most : {5U, 2U, 1U}) {
    const Partition merged = ward_merge(single, most, scale);
    EXPECT_EQ(merged.size(), most);
    const ClusterSums total = test::total_of(joined({}, merged));
    test::expect_sums(total, pictures);
    test::expect_token_sums(total.residuals, pictures * 2);
  }
  ASSERT_EQ(single.size(), 9U);
  for (std::size_t i = 0; i < single.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    test::expect_sums(*single[i], pictures.slice(0, row, row + 1));
  }
}

TEST(MergeDown, LeavesAsManyAsAreWanted) {
  const Partition clusters = gather(draw_pictures(1, 10, 3), torch::Tensor(), 3).clusters();
  const ChannelScale scale = scale_of_features(clusters);
  EXPECT_TRUE(ward_merge(clusters, 3, scale) == clusters);
  EXPECT_TRUE(ward_merge(clusters, 9, scale) == clusters);
  EXPECT_TRUE(ward_merge({}, 1, scale).empty());
}

// --- the rule, by its definition

using Group = std::vector<test::Row>;  // descriptors

double sum_of_squares(const Group &group) {
  double sum = 0;
  for (std::size_t c = 0; c < group.front().size(); ++c) {
    double mean = 0;
    for (const test::Row &descriptor : group) mean += descriptor[c] / static_cast<double>(group.size());
    for (const test::Row &descriptor : group) sum += (descriptor[c] - mean) * (descriptor[c] - mean);
  }
  return sum;
}

Group united(const Group &a, const Group &b) {
  Group both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

void unite_cheapest(std::vector<Group> &groups) {
  double least = std::numeric_limits<double>::infinity();
  std::size_t first = 0;
  std::size_t second = 0;
  for (std::size_t a = 0; a < groups.size(); ++a) {
    for (std::size_t b = a + 1; b < groups.size(); ++b) {
      const double raised = sum_of_squares(united(groups[a], groups[b])) - sum_of_squares(groups[a]) -
                            sum_of_squares(groups[b]);
      if (raised >= least) continue;
      least = raised;
      first = a;
      second = b;
    }
  }
  groups[first] = united(groups[first], groups[second]);
  groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(second));
}

TEST(MergeDown, UnitesWhatRaisesTheSumOfSquaresLeast) {
  const torch::Tensor pictures = draw_pictures(1, 10, 14);
  const test::Row deviation = test::channels_of(pictures).deviation;
  std::vector<Group> groups;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    test::Row descriptor = test::descriptor_of(pictures[i]);
    for (std::size_t c = 0; c < descriptor.size(); ++c) descriptor[c] /= deviation[c];
    groups.push_back(Group{descriptor});
  }
  while (groups.size() > 4) unite_cheapest(groups);

  const Partition single = gather(pictures, torch::Tensor(), 14).clusters();
  const Partition merged = ward_merge(single, 4, scale_of_features(single));
  ASSERT_EQ(merged.size(), 4U);
  for (const Group &group : groups) {
    const auto is_group = [&](const std::shared_ptr<const ClusterSums> &cluster) {
      bool same = cluster->pictures == std::ssize(group);
      for (std::size_t c = 0; c < deviation.size(); ++c) {
        double sum = 0;
        for (const test::Row &descriptor : group) sum += descriptor[c] * deviation[c];
        const auto at = static_cast<std::int64_t>(c);
        same = same && std::abs(cluster->descriptors[at].item<double>() - sum) < 1e-9;
      }
      return same;
    };
    EXPECT_EQ(std::count_if(merged.begin(), merged.end(), is_group), 1);
  }
}

// Clusters with the same value everywhere: 9 pictures of 0, 9 of 1, and one of 2.3. The centers of the first
// two are nearest, but merging them costs 9 x 9 / 18 = 4.5, while merging the last two costs 9 / 10 x 1.3^2 =
// 1.5.
TEST(MergeDown, CountsPicturesAndNotOnlyDistances) {
  const auto flat = [](std::int64_t count, double value) {
    return std::make_shared<const ClusterSums>(sum_up(torch::full({count, 6, 3, 4}, value)));
  };
  const Partition clusters{flat(9, 0), flat(9, 1), flat(1, 2.3)};
  const Partition merged = ward_merge(clusters, 2, scale_of_features(clusters));
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(std::min(merged[0]->pictures, merged[1]->pictures), 9);
  EXPECT_EQ(std::max(merged[0]->pictures, merged[1]->pictures), 10);
  const auto &joined = merged[0]->pictures == 10 ? merged[0] : merged[1];
  EXPECT_NEAR(joined->descriptors[0].item<double>(), 9 * 1 + 2.3, 1e-5);
}

}  // namespace
}  // namespace uniad
