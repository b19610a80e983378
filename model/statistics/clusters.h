// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "model/statistics/cluster_sums.h"

namespace uniad {

// Clusters that are shared, never changed: what stands in two partitions is held once.
using Partition = std::vector<std::shared_ptr<const ClusterSums>>;

// The partition's clusters behind those of `statistics`.
Statistics joined(Statistics statistics, const Partition &partition);

// Joins, until at most `most` are left, the two clusters whose union raises the sum of squared distances of
// descriptors to their cluster's centre least (Ward 1963). Distances in standardised channels.
Partition merge_down(Partition clusters, std::size_t most, const ChannelScale &scale);

// Adds what another model learned: its cluster and the nearest one become one where their centres are no
// farther apart than their own pictures lie from them, else it stands beside. Exact: all pictures count once.
Statistics merge(Statistics statistics, const Statistics &other);

// Gathers pictures that come one by one into at most `most` clusters, by the same rule: a picture begins a
// cluster of its own, and where that is one too many, the two that are nearest become one. Memory: `most`
// clusters, however many pictures come.
class OnlineClusters {
 public:
  explicit OnlineClusters(std::size_t most) : most_(most) {}
  void add(ClusterSums picture);
  const Partition &clusters() const { return clusters_; }

  // All that it is, and from it. The sums are of all pictures; undefined without any.
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
