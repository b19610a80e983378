// SPDX-License-Identifier: Apache-2.0
// Clusters pictures while statistics are learned.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "model/statistics/cluster_sums.h"

namespace uniad {

// Immutable clusters that are shared, so that a cluster in several partitions is stored once.
using Partition = std::vector<std::shared_ptr<const ClusterSums>>;

// Appends the partition's clusters to `statistics`.
Statistics joined(Statistics statistics, const Partition &partition);

// Merges clusters until at most `most` are left; each time, the two clusters whose union least increases the
// sum of squared distances of descriptors to their cluster's center (Ward 1963). Distances in standardized
// channels.
Partition ward_merge(Partition clusters, std::size_t most, const ChannelScale &scale);

// Adds the clusters of another model: a cluster is merged with the nearest one if their centers are no
// farther apart than their own pictures are from them, otherwise it is added. Exact: all pictures count once.
Statistics merge(Statistics statistics, const Statistics &other);

// Clusters pictures one by one into at most `most` clusters by the same criterion: each picture starts a new
// cluster, and if there are too many, the two nearest ones are merged. Memory: `most` clusters, however many
// pictures there are.
class OnlineClusters {
 public:
  explicit OnlineClusters(std::size_t most) : most_(most) {}
  void add(ClusterSums picture);
  const Partition &clusters() const { return clusters_; }

  // The complete state, for storing and restoring. The sums are over all pictures; undefined without any.
  struct State {
    Partition clusters;
    torch::Tensor sum;      // (channels), fp64: over all tokens
    torch::Tensor squares;  // (channels), fp64
    double tokens = 0;
  };
  State state() const { return {clusters_, sum_, squares_, tokens_}; }
  void restore(State state);

 private:
  void place(std::int64_t place, const ClusterSums &cluster);

  std::size_t most_;
  Partition clusters_;
  torch::Tensor descriptors_;  // (most + 1, channels): those of each cluster, summed
  torch::Tensor counts_;       // (most + 1): its pictures
  torch::Tensor sum_;          // (channels): over all tokens seen, for the scale of the distances
  torch::Tensor squares_;      // (channels)
  double tokens_ = 0;
};

}  // namespace uniad
