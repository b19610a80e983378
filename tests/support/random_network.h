// SPDX-License-Identifier: Apache-2.0
// Models with random weights.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "model/network.h"
#include "model/preprocess/preprocess.h"
#include "tests/model/engine/pictures.h"

// Networks with random weights, and the models that contain them.
namespace uniad::test {

enum class Features { Raw, Standardized, Whitened };

// Returns (pictures, 3, height, width), as the network receives them.
inline torch::Tensor images_of(const std::vector<RandomPicture> &pictures, const InputConfig &input) {
  std::vector<torch::Tensor> images;
  Preprocessor preprocessor(input);
  for (const RandomPicture &picture : pictures) {
    images.push_back(torch::empty({3, input.height, input.width}));
    preprocessor.run(picture.view(),
                     {images.back().data_ptr<float>(), static_cast<std::size_t>(images.back().numel())});
  }
  return torch::stack(images);
}

// Randomizes everything that modules initialize with ones or zeros. The weights keep the magnitude of
// activations from layer to layer (He et al. 2015) without amplifying small differences, as batch statistics
// would.
inline void randomize(Network &network) {
  for (const auto &item : network.named_parameters()) {
    if (item.value().dim() == 4)
      torch::nn::init::kaiming_normal_(item.value(), 0, torch::kFanIn, torch::kReLU);
    else if (item.value().dim() == 1 && item.key().ends_with(".weight"))
      torch::nn::init::uniform_(item.value(), 0.4, 1.1);
    else if (item.value().dim() == 1)
      torch::nn::init::normal_(item.value(), 0, 0.2);
  }
  for (const auto &item : network.named_buffers()) {
    if (item.key().ends_with("running_mean")) torch::nn::init::normal_(item.value(), 0, 0.2);
    if (item.key().ends_with("running_var")) torch::nn::init::uniform_(item.value(), 0.5, 1.5);
  }
  network.eval();
}

inline void standardize(Network &network, const torch::Tensor &images, Features kind) {
  if (kind == Features::Raw) return;
  const torch::Tensor raw = network.features(images);
  network.feature_mean = raw.mean({0, 2, 3});
  network.feature_std = raw.std({0, 2, 3}) + 0.2 * raw.std();
  if (kind == Features::Whitened)
    network.feature_whitening =
        torch::eye(network.channels()) +
        torch::randn({network.channels(), network.channels()}).tril() / network.channels();
}

inline Model model_of(const Network &network, const ModelConfig &config) {
  Model model;
  model.config = config;
  store_tensors(network, "", model.tensors);
  const auto store = [&](const std::string &name, const torch::Tensor &tensor) {
    if (tensor.defined()) model.tensors.emplace(name, to_stored(tensor));
  };
  store("feature_mean", network.feature_mean);
  store("feature_std", network.feature_std);
  store("feature_whitening", network.feature_whitening);
  return model;
}

}  // namespace uniad::test
