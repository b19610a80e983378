// SPDX-License-Identifier: Apache-2.0
#include "model/file/model_statistics.h"

#include "model/statistics/one_torch_thread.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

std::vector<ClusterSums> statistics_of(const Model &model) {
  return load_statistics(model.tensors, model.config.statistics && model.config.statistics->residuals);
}

void set_statistics(Model &model, std::span<const ClusterSums> statistics) {
  if (!model.config.statistics) model.config.statistics.emplace();
  model.config.statistics->clusters = static_cast<int>(statistics.size());
  store_statistics(statistics, model.tensors);
}

FoldedStatistics fold_statistics(const Model &model) {
  const OneTorchThread one_thread;
  const c10::InferenceMode inference;
  return fold_statistics(statistics_of(model), model.config.statistics.value());
}

}  // namespace uniad
