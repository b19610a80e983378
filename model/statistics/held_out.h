// SPDX-License-Identifier: Apache-2.0
// Evaluates numbers of clusters on held-out pictures.
#pragma once

#include <torch/torch.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "model/statistics/clusters.h"

namespace uniad {

// The candidate numbers of clusters.
constexpr std::array<std::size_t, 10> cluster_counts{1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

// The log-likelihood of held-out pictures with `fresh` reduced to each of these numbers of clusters (merged
// by distances in `scale`), in addition to all `known` clusters: the sum over pictures of the mean log
// density of their tokens (in standardized channels, up to a constant), for increasing numbers as long as
// more clusters may help. pictures: (channels, rows, columns) each. Empty if there are no pictures or no
// clusters. Throws Error (gaussian_of).
std::vector<double> held_out_densities(const Partition &known, Partition fresh,
                                       std::span<const torch::Tensor> pictures, const ChannelScale &scale,
                                       double position_prior);

}  // namespace uniad
