// SPDX-License-Identifier: Apache-2.0
// The names and shapes of every tensor that a configuration needs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

using Shape = std::vector<std::int64_t>;

// All parameters and buffers of a configuration's network, by name, so that a file can be checked against its
// configuration before a network is built.

// The backbone up to its last tapped stage, without prefix (docs/network-details.md, "Tensor names"). Throws
// Error for an unknown name or stage.
std::map<std::string, Shape> backbone_tensors(const BackboneConfig &config);

// UniAD, or a baseline instead, for `channels` features on a map of height x width tokens, without
// prefix (docs/network-details.md, "Reconstruction").
std::map<std::string, Shape> reconstruction_tensors(const ReconstructionConfig &config, int channels,
                                                    int height, int width);

// Sums of normal features, and of residuals if they are scored too, without prefix
// (model/statistics/cluster_sums.h).
std::map<std::string, Shape> statistics_tensors(const StatisticsConfig &config, int channels, int tokens);

// Throws Error if tensors are missing, have another shape, or do not have a floating-point type.
void check_tensors(const std::map<std::string, Shape> &expected, const std::string &prefix,
                   const std::map<std::string, StoredTensor> &tensors, const std::string &where,
                   const std::string &hint);

}  // namespace uniad
