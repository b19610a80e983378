// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "model/statistics/clusters.h"

namespace uniad {

// Among them one is chosen.
constexpr std::array<std::size_t, 10> numbers_of_clusters{1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

// How likely pictures are that none of the clusters was learned from: `fresh` in each of those numbers
// (joined, by distances in `scale`) beside all that are `known`. The sum over pictures of the logarithm of
// their tokens' density (in standardised channels, on the average over tokens, but for a constant), number by
// number for as long as more may help. pictures: (channels, rows, columns) each. Empty where there is no
// picture, or no cluster. Throws Error (gaussian_of).
std::vector<double> held_out_densities(const Partition &known, Partition fresh,
                                       std::span<const torch::Tensor> pictures, const ChannelScale &scale,
                                       double position_prior);

}  // namespace uniad
