// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/engine/score.h"
#include "model/file/model_file.h"
#include "model/file/torch_tensors.h"
#include "model/reconstruction/feature_loss.h"
#include "model/reconstruction/uniad.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

// The network's word on pictures.
struct Judgement {
  torch::Tensor features;  // (B, channels, H / 16, W / 16), fp32
  torch::Tensor grid;      // (B, H / 16, W / 16), fp32, on the CPU
  Route route;             // undefined without statistics
};

// The whole walk from a normalised picture to its anomaly grid: backbone, neck, standardising, then UniAD, or
// the statistics of normal features, or both. Training and detection share it. Everything but the tensors is
// fixed by the ModelConfig.
class Network : public torch::nn::Module {
 public:
  explicit Network(const ModelConfig &config);

  // images: (B, 3, H, W). Returns what UniAD reconstructs: (B, channels, H / 16, W / 16), standardised where
  // feature_mean and feature_std are set, and whitened where feature_whitening is.
  torch::Tensor features(const torch::Tensor &images);
  torch::Tensor standardise(const torch::Tensor &raw_features) const;
  torch::Tensor whiten(const torch::Tensor &standardised) const;  // nothing without feature_whitening

  // What UniAD leaves of features: features - UniAD(features), fp32, on their device. Undefined without
  // UniAD.
  torch::Tensor residuals(const torch::Tensor &features);

  Judgement judge(const torch::Tensor &images) { return judge_features(features(images)); }
  Judgement judge_features(const torch::Tensor &features);

  // Runs backbone and UniAD in this type from now on. Features are standardised and compared in fp32 all the
  // same: the difference of two close numbers is what bf16 has no digits for.
  void set_precision(torch::ScalarType precision);

  // Moves all but the statistics there, which stay on the CPU: what is made from now on lies there, too.
  void set_device(torch::Device device);

  // What a training changes: the reconstruction, or the backbone with it, which stays in eval mode: its batch
  // statistics are constants. features() of a backbone that learns carry its gradient, as the target of the
  // reconstruction, too.
  std::vector<torch::Tensor> trainable(bool with_backbone) const;

  int channels() const { return channels_; }

  std::shared_ptr<Backbone> backbone;
  UniAD reconstruction{nullptr};  // empty where the configuration has none
  torch::Tensor feature_mean;     // (channels) or undefined: raw features
  torch::Tensor feature_std;
  torch::Tensor feature_whitening;  // (channels, channels) or undefined; applied to standardised features
  std::optional<RoutedGaussians> statistics;  // none: by UniAD's error alone

 private:
  torch::Tensor reconstruct(const torch::Tensor &features);  // fp32

  int channels_;
  int rows_;
  int columns_;
  FeatureLoss loss_;
  torch::ScalarType precision_ = torch::kFloat32;
  torch::Device device_ = torch::kCPU;
};

// (B, rows, columns), fp32, as plain numbers.
std::vector<Grid> to_grids(const torch::Tensor &grids);

// The scores of grids (B, rows, columns), fp32.
std::vector<double> scores_of(const torch::Tensor &grids, ScoreKind kind);

// Puts everything of the network but its statistics into the model, by the names of the file.
void store_network(const Network &network, Model &model);

// A network in eval mode, in fp32 on the CPU, with the model's weights. Throws Error.
std::shared_ptr<Network> make_network(const Model &model, const std::string &where);

}  // namespace uniad
