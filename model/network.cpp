// SPDX-License-Identifier: Apache-2.0
#include "model/network.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/file/model_statistics.h"

namespace uniad {

Network::Network(const ModelConfig &config)
    : channels_(tapped_channels(config.backbone)),
      rows_(config.input.height / 16),
      columns_(config.input.width / 16),
      loss_(config.reconstruction ? config.reconstruction->loss : FeatureLoss::Mse) {
  backbone = register_module("backbone", make_backbone(config.backbone));
  if (config.reconstruction) {
    reconstruction =
        register_module("reconstruction", UniAD(*config.reconstruction, channels_, rows_, columns_));
  }
}

torch::Tensor Network::features(const torch::Tensor &images) {
  std::vector<torch::Tensor> taps = backbone->forward(images.to(device_, precision_));
  for (torch::Tensor &tap : taps) tap = tap.to(torch::kFloat32);
  return standardize(neck(taps, rows_, columns_));
}

torch::Tensor Network::standardize(const torch::Tensor &raw_features) const {
  const torch::Tensor raw = raw_features.to(device_);
  if (!feature_mean.defined()) return raw;
  return whiten((raw - feature_mean.view({1, -1, 1, 1})) / feature_std.view({1, -1, 1, 1}));
}

torch::Tensor Network::whiten(const torch::Tensor &standardized) const {
  if (!feature_whitening.defined()) return standardized;
  return at::matmul(feature_whitening, standardized.flatten(2)).view(standardized.sizes());
}

torch::Tensor Network::reconstruct(const torch::Tensor &features) {
  return reconstruction(features.to(precision_)).to(torch::kFloat32);
}

torch::Tensor Network::residuals(const torch::Tensor &features) {
  return reconstruction ? features - reconstruct(features) : torch::Tensor();
}

NetworkOutput Network::judge_features(const torch::Tensor &features, const ZoneGrid *zones) {
  if (!statistics) return {features, anomaly_grid(loss_, features, reconstruct(features)).cpu(), {}};
  const torch::Tensor left = statistics->of_residuals() ? residuals(features).cpu() : torch::Tensor();
  const torch::Tensor plain = features.cpu();
  const Route route = statistics->route(without_ignored(plain, zones));
  return {features, statistics->grid(plain, left, route), route};
}

std::vector<torch::Tensor> Network::trainable(bool with_backbone) const {
  return with_backbone ? parameters() : reconstruction->parameters();
}

void Network::set_precision(torch::ScalarType precision) {
  precision_ = precision;
  backbone->to(precision);
  if (reconstruction) reconstruction->to(precision);
}

void Network::set_device(torch::Device device) {
  device_ = device;
  to(device);
  if (reconstruction) reconstruction->to(device, precision_);
  for (torch::Tensor *constant : {&feature_mean, &feature_std, &feature_whitening})
    if (constant->defined()) *constant = constant->to(device);
}

std::vector<Grid> to_grids(const torch::Tensor &grids) {
  const torch::Tensor plain = grids.contiguous();
  const auto rows = static_cast<int>(plain.size(1));
  const auto columns = static_cast<int>(plain.size(2));
  std::vector<Grid> all;
  for (std::int64_t i = 0; i < plain.size(0); ++i) {
    const float *first = plain.data_ptr<float>() + i * rows * columns;
    all.push_back({columns, rows, {first, first + std::ptrdiff_t{rows} * columns}});
  }
  return all;
}

std::vector<double> scores_of(const torch::Tensor &grids, ScoreKind kind, const ZoneGrid *zones) {
  std::vector<double> scores;
  for (const Grid &grid : to_grids(grids))
    scores.push_back(zones != nullptr ? image_score(grid, *zones, kind) : image_score(grid, kind));
  return scores;
}

torch::Tensor without_ignored(const torch::Tensor &features, const ZoneGrid *zones) {
  if (zones == nullptr) return features;
  const std::vector<std::size_t> learned = learned_cells(zones->kept);
  if (learned.empty()) return features;
  const std::vector<std::int64_t> cells(learned.begin(), learned.end());
  const torch::Tensor index = torch::tensor(cells).to(features.device());
  return features.flatten(2).index_select(2, index).view(features.sizes());
}

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

std::shared_ptr<Network> make_network(const Model &model, const std::string &where) {
  auto network = std::make_shared<Network>(model.config);
  load_tensors(*network, model.tensors, "", where);
  const auto mean = model.tensors.find("feature_mean");
  const auto std = model.tensors.find("feature_std");
  if ((mean == model.tensors.end()) != (std == model.tensors.end())) {
    throw Error(ErrorKind::Malformed, where, "feature_mean and feature_std must both be present",
                "train or import the model again");
  }
  if (mean != model.tensors.end()) {
    const std::vector<std::int64_t> expected{network->channels()};
    if (mean->second.shape != expected || std->second.shape != expected) {
      throw Error(
          ErrorKind::Malformed, where,
          "feature_mean or feature_std does not have " + std::to_string(network->channels()) + " channels",
          "train or import the model again");
    }
    network->feature_mean = to_torch(mean->second).to(torch::kFloat32);
    network->feature_std = to_torch(std->second).to(torch::kFloat32);
  }
  const auto whitening = model.tensors.find("feature_whitening");
  if (whitening != model.tensors.end())
    network->feature_whitening = to_torch(whitening->second).to(torch::kFloat32);
  if (model.config.statistics) network->statistics.emplace(statistics_of(model), *model.config.statistics);
  network->eval();
  return network;
}

}  // namespace uniad
