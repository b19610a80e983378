// SPDX-License-Identifier: Apache-2.0
// The statistics of normal features in a model.
#pragma once

#include <span>
#include <vector>

#include "model/file/model_file.h"
#include "model/statistics/folded_statistics.h"

namespace uniad {

struct ClusterSums;

// Empty if the model has none.
std::vector<ClusterSums> statistics_of(const Model &model);
// Sets the statistics, and the model's configuration accordingly.
void set_statistics(Model &model, std::span<const ClusterSums> statistics);

// For a model that has statistics. Throws Error if the sums are inconsistent (a manipulated file).
FoldedStatistics fold_statistics(const Model &model);

}  // namespace uniad
