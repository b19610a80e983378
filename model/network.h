// SPDX-License-Identifier: Apache-2.0
// The whole network in LibTorch, which training and detection share.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/base/torch_tensors.h"
#include "model/file/model_file.h"
#include "model/reconstruction/feature_loss.h"
#include "model/reconstruction/uniad.h"
#include "model/scoring/score.h"
#include "model/scoring/zone_grid.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

// The network's output for pictures.
struct NetworkOutput {
  torch::Tensor features;  // (B, channels, H / 16, W / 16), fp32
  torch::Tensor grid;      // (B, H / 16, W / 16), fp32, on the CPU
  Route route;             // undefined without statistics
};

// The whole network from a normalized picture to its anomaly grid: backbone, neck, standardization, then
// UniAD, the statistics of normal features, or both. Training and detection share it. Everything except the
// tensors is defined by the ModelConfig.
class Network : public torch::nn::Module {
 public:
  explicit Network(const ModelConfig &config);

  // images: (B, 3, H, W). Returns the features that UniAD reconstructs: (B, channels, H / 16, W / 16),
  // standardized if feature_mean and feature_std are set, and whitened if feature_whitening is set.
  torch::Tensor features(const torch::Tensor &images);
  torch::Tensor standardize(const torch::Tensor &raw_features) const;
  torch::Tensor whiten(const torch::Tensor &standardized) const;  // no effect without feature_whitening

  // The residuals of the reconstruction: features - UniAD(features), fp32, on their device. Undefined without
  // UniAD.
  torch::Tensor residuals(const torch::Tensor &features);

  NetworkOutput judge(const torch::Tensor &images) { return judge_features(features(images)); }
  // zones: of the shape of the grid, or null. Only kept cells determine the scene of a picture.
  NetworkOutput judge_features(const torch::Tensor &features, const ZoneGrid *zones = nullptr);

  // Runs backbone and UniAD in this type from now on. Features are still standardized and compared in fp32,
  // because the precision of bf16 is not sufficient for differences of similar numbers.
  void set_precision(torch::ScalarType precision);

  // Moves the network to a device, except for the statistics, which stay on the CPU.
  void set_device(torch::Device device);

  // The trainable parameters: those of the reconstruction and, on request, of the backbone, which stays in
  // eval mode, so that its batch statistics are constant. features() of a trained backbone have a gradient,
  // also as the target of the reconstruction.
  std::vector<torch::Tensor> trainable(bool with_backbone) const;

  int channels() const { return channels_; }

  std::shared_ptr<Backbone> backbone;
  UniAD reconstruction{nullptr};  // empty if the configuration has none
  torch::Tensor feature_mean;     // (channels) or undefined: raw features
  torch::Tensor feature_std;
  torch::Tensor feature_whitening;  // (channels, channels) or undefined; applied to standardized features
  std::optional<RoutedGaussians> statistics;  // absent: scored by UniAD's error only

 private:
  torch::Tensor reconstruct(const torch::Tensor &features);  // fp32

  int channels_;
  int rows_;
  int columns_;
  FeatureLoss loss_;
  torch::ScalarType precision_ = torch::kFloat32;
  torch::Device device_ = torch::kCPU;
};

// Converts (B, rows, columns), fp32, to plain numbers.
std::vector<Grid> to_grids(const torch::Tensor &grids);

// The scores of grids (B, rows, columns), fp32. zones: of their shape, or null.
std::vector<double> scores_of(const torch::Tensor &grids, ScoreKind kind, const ZoneGrid *zones = nullptr);

// The features (B, channels, rows, columns) as they are learned: every ignored token is replaced by a kept
// one of the same picture; see learned_cells(). zones: of their shape, or null.
torch::Tensor without_ignored(const torch::Tensor &features, const ZoneGrid *zones);

// Stores the network, except for its statistics, in the model, with the tensor names of model files.
void store_network(const Network &network, Model &model);

// A network in eval mode, in fp32 on the CPU, with the model's weights. Throws Error.
std::shared_ptr<Network> make_network(const Model &model, const std::string &where);

}  // namespace uniad
