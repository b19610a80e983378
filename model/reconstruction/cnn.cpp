// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/cnn.h"

#include <string>
#include <utility>

#include "model/backbone/resnet.h"
#include "model/reconstruction/cnn_stages.h"

namespace uniad {

CnnImpl::CnnImpl(int dim) {
  constexpr double bn_eps = 1e-5;
  int in = dim;
  for (const CnnStage &stage : cnn_stages(dim)) {
    torch::nn::Sequential blocks;
    for (int block = 0; block < stage.blocks; ++block) {
      blocks->push_back(
          ResidualBlock(in, stage.channels, stage.channels, /*stride=*/1, /*bottleneck=*/false, bn_eps));
      in = stage.channels;
    }
    layers_.push_back(register_module("layer" + std::to_string(layers_.size() + 1), blocks));
  }
}

torch::Tensor CnnImpl::forward(torch::Tensor map) {
  for (torch::nn::Sequential &layer : layers_) map = layer->forward(std::move(map));
  return map;
}

}  // namespace uniad
