// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>

#include "model/backbone/backbone.h"
#include "model/file/model_file.h"
#include "model/reconstruction/uniad.h"

namespace uniad {

// The whole walk from a normalised picture to its anomaly grid: backbone, neck, standardising, UniAD.
// Training and detection share it. Everything but the tensors is fixed by the ModelConfig.
class Network : public torch::nn::Module {
 public:
  explicit Network(const ModelConfig &config);

  // images: (B, 3, H, W). Returns what UniAD reconstructs: (B, channels, H / 16, W / 16), standardised where
  // feature_mean and feature_std are set.
  torch::Tensor features(const torch::Tensor &images);
  torch::Tensor standardise(const torch::Tensor &raw_features) const;

  // (B, H / 16, W / 16), fp32
  torch::Tensor grid(const torch::Tensor &images);

  // Runs backbone and UniAD in this type from now on. Features are standardised and compared in fp32 all the
  // same: the difference of two close numbers is what bf16 has no digits for.
  void set_precision(torch::ScalarType precision);

  int channels() const { return channels_; }

  std::shared_ptr<Backbone> backbone;
  UniAD reconstruction{nullptr};
  torch::Tensor feature_mean;  // (channels) or undefined: raw features
  torch::Tensor feature_std;

 private:
  int channels_;
  int rows_;
  int columns_;
  torch::ScalarType precision_ = torch::kFloat32;
};

torch::Tensor to_torch(const StoredTensor &stored);
StoredTensor to_stored(const torch::Tensor &tensor);

// Copies tensors into the module's parameters and buffers by name. Throws Error naming every tensor that is
// missing or of another shape; tensors that the module does not have are left alone.
void load_tensors(torch::nn::Module &module, const std::map<std::string, StoredTensor> &tensors,
                  const std::string &prefix, const std::string &where);

// The module's parameters and buffers, but for BatchNorm's step counters.
void store_tensors(const torch::nn::Module &module, const std::string &prefix,
                   std::map<std::string, StoredTensor> &tensors);

// A network in eval mode, in fp32 on the CPU, with the model's weights. Throws Error.
std::shared_ptr<Network> make_network(const Model &model, const std::string &where);

}  // namespace uniad
