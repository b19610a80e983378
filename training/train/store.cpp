// SPDX-License-Identifier: Apache-2.0
#include "training/train/store.h"

#include "model/file/torch_tensors.h"

namespace uniad {

void store_network(const Network &network, Model &model) {
  store_tensors(network, "", model.tensors);
  if (network.feature_mean.defined()) {
    model.tensors["feature_mean"] = to_stored(network.feature_mean);
    model.tensors["feature_std"] = to_stored(network.feature_std);
  }
  if (network.feature_whitening.defined()) {
    model.tensors["feature_whitening"] = to_stored(network.feature_whitening);
  }
}

}  // namespace uniad
