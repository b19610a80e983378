// SPDX-License-Identifier: Apache-2.0
#include "model/network.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>
#include <utility>

#include "model/error.h"

namespace uniad {
namespace {

constexpr std::array<std::pair<DType, torch::ScalarType>, 10> dtypes{{{DType::F64, torch::kFloat64},
                                                                      {DType::F32, torch::kFloat32},
                                                                      {DType::F16, torch::kFloat16},
                                                                      {DType::BF16, torch::kBFloat16},
                                                                      {DType::I64, torch::kInt64},
                                                                      {DType::I32, torch::kInt32},
                                                                      {DType::I16, torch::kInt16},
                                                                      {DType::I8, torch::kInt8},
                                                                      {DType::U8, torch::kUInt8},
                                                                      {DType::Bool, torch::kBool}}};

bool is_step_counter(const std::string &name) {
  return name.ends_with("num_batches_tracked");
}

// Parameters and buffers by name: what a state dict holds.
std::map<std::string, torch::Tensor> state_of(const torch::nn::Module &module) {
  std::map<std::string, torch::Tensor> state;
  for (const auto &item : module.named_parameters()) state.emplace(item.key(), item.value());
  for (const auto &item : module.named_buffers()) {
    if (!is_step_counter(item.key())) state.emplace(item.key(), item.value());
  }
  return state;
}

std::string shape_text(torch::IntArrayRef shape) {
  std::ostringstream text;
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : "x") << shape[i];
  return text.str();
}

}  // namespace

Network::Network(const ModelConfig &config)
    : channels_(tapped_channels(config.backbone)),
      rows_(config.input.height / 16),
      columns_(config.input.width / 16) {
  backbone = register_module("backbone", make_backbone(config.backbone));
  reconstruction =
      register_module("reconstruction", UniAD(config.reconstruction, channels_, rows_, columns_));
}

torch::Tensor Network::features(const torch::Tensor &images) {
  std::vector<torch::Tensor> taps = backbone->forward(images.to(precision_));
  for (torch::Tensor &tap : taps) tap = tap.to(torch::kFloat32);
  return standardise(neck(taps, rows_, columns_));
}

torch::Tensor Network::standardise(const torch::Tensor &raw_features) const {
  if (!feature_mean.defined()) return raw_features;
  return (raw_features - feature_mean.view({1, -1, 1, 1})) / feature_std.view({1, -1, 1, 1});
}

torch::Tensor Network::grid(const torch::Tensor &images) {
  const torch::Tensor original = features(images);
  return anomaly_grid(original, reconstruction(original.to(precision_)).to(torch::kFloat32));
}

void Network::set_precision(torch::ScalarType precision) {
  precision_ = precision;
  backbone->to(precision);
  reconstruction->to(precision);
}

torch::Tensor to_torch(const StoredTensor &stored) {
  const auto *found =
      std::find_if(dtypes.begin(), dtypes.end(), [&](const auto &d) { return d.first == stored.dtype; });
  torch::Tensor tensor = torch::empty(stored.shape, found->second);
  std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return tensor;
}

StoredTensor to_stored(const torch::Tensor &tensor) {
  const torch::Tensor plain = tensor.detach().cpu().contiguous();
  const auto *found = std::find_if(dtypes.begin(), dtypes.end(),
                                   [&](const auto &d) { return d.second == plain.scalar_type(); });
  StoredTensor stored{found->first, plain.sizes().vec(), std::vector<std::byte>(plain.nbytes())};
  std::memcpy(stored.bytes.data(), plain.data_ptr(), plain.nbytes());
  return stored;
}

void load_tensors(torch::nn::Module &module, const std::map<std::string, StoredTensor> &tensors,
                  const std::string &prefix, const std::string &where) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> wrong;
  for (auto &[name, target] : state_of(module)) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) {
      wrong.push_back(prefix + name + " is missing");
    } else if (torch::IntArrayRef(found->second.shape) != target.sizes()) {
      wrong.push_back(prefix + name + " is " + shape_text(found->second.shape) + ", not " +
                      shape_text(target.sizes()));
    } else {
      torch::Tensor(target).copy_(to_torch(found->second));
    }
  }
  if (wrong.empty()) return;
  const std::string more = wrong.size() > 1 ? " and " + std::to_string(wrong.size() - 1) + " more" : "";
  throw Error(where, wrong.front() + more, "the file does not belong to this network configuration");
}

void store_tensors(const torch::nn::Module &module, const std::string &prefix,
                   std::map<std::string, StoredTensor> &tensors) {
  for (const auto &[name, tensor] : state_of(module)) tensors[prefix + name] = to_stored(tensor);
}

std::shared_ptr<Network> make_network(const Model &model, const std::string &where) {
  auto network = std::make_shared<Network>(model.config);
  load_tensors(*network, model.tensors, "", where);
  const auto mean = model.tensors.find("feature_mean");
  const auto std = model.tensors.find("feature_std");
  if ((mean == model.tensors.end()) != (std == model.tensors.end())) {
    throw Error(where, "feature_mean and feature_std come only together", "train or import the model again");
  }
  if (mean != model.tensors.end()) {
    const std::vector<std::int64_t> expected{network->channels()};
    if (mean->second.shape != expected || std->second.shape != expected) {
      throw Error(
          where,
          "feature_mean or feature_std does not have " + std::to_string(network->channels()) + " channels",
          "train or import the model again");
    }
    network->feature_mean = to_torch(mean->second).to(torch::kFloat32);
    network->feature_std = to_torch(std->second).to(torch::kFloat32);
  }
  network->eval();
  return network;
}

}  // namespace uniad
