// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

using Shape = std::vector<std::int64_t>;

// Every parameter and buffer that the network of a configuration has, by name. With them a file is held
// against its configuration before any network is built.

// The backbone up to its last tapped stage, without prefix (facts 4.4). Throws Error for an unknown name or
// stage.
std::map<std::string, Shape> backbone_tensors(const BackboneConfig &config);

// UniAD, or the baseline in its place, for `channels` features on a map of height x width tokens, without
// prefix (facts 6).
std::map<std::string, Shape> reconstruction_tensors(const ReconstructionConfig &config, int channels,
                                                    int height, int width);

// Sums of normal features, and of residuals where they are scored too, without prefix
// (model/statistics/cluster_sums.h).
std::map<std::string, Shape> statistics_tensors(const StatisticsConfig &config, int channels, int tokens);

// Throws Error naming the tensors that are missing, of another shape or not of a floating-point type.
void check_tensors(const std::map<std::string, Shape> &expected, const std::string &prefix,
                   const std::map<std::string, StoredTensor> &tensors, const std::string &where,
                   const std::string &way_out);

}  // namespace uniad
