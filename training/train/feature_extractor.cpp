// SPDX-License-Identifier: Apache-2.0
#include "training/train/feature_extractor.h"

#include <algorithm>
#include <exception>
#include <map>

#include "training/train/digest.h"

namespace uniad {
namespace {

// Returns the model without the reconstruction network and the statistics.
Model frozen_part(const Network &network, const ModelConfig &config) {
  Model model;
  model.config = config;
  model.config.reconstruction.reset();
  model.config.statistics.reset();
  store_network(network, model);
  std::erase_if(model.tensors,
                [](const auto &tensor) { return tensor.first.starts_with("reconstruction."); });
  return model;
}

std::string digest_of(const Model &frozen, const std::string &on) {
  Digest digest;
  digest.add(UNIAD_VERSION);
  digest.add(config_text(frozen.config));
  digest.add(on);
  for (const auto &[name, tensor] : frozen.tensors) {
    digest.add(name);
    digest.add(tensor.bytes);
  }
  return digest.text();
}

}  // namespace

FeatureExtractor::FeatureExtractor(const Network &network, const ModelConfig &config,
                                   const std::string &device, const std::string &precision)
    : FeatureExtractor(frozen_part(network, config), device, precision) {}

FeatureExtractor::FeatureExtractor(const Model &frozen, const std::string &device,
                                   const std::string &precision)
    : engine_(Engine::of_new_model(frozen, "features", device, precision)),
      shape_{tapped_channels(frozen.config.backbone), frozen.config.input.height / 16,
             frozen.config.input.width / 16},
      digest_(digest_of(frozen, engine_->description())) {}

void FeatureExtractor::set_zones(const Zones *zones) {
  zones_.reset();
  if (zones != nullptr && !zones->empty()) zones_ = std::make_shared<ZonesInForce>(*zones, engine_->config());
}

torch::Tensor FeatureExtractor::run(std::span<const FrameView> frames) {
  // Alone, so that what it shows is painted over the others of its batch.
  if (zones_ && zones_->input_paint().needs_first() && frames.size() > 1) run(frames.first(1));
  tokens_.resize(std::max(tokens_.size(), frames.size()));
  pictures_.resize(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) pictures_[i] = {&frames[i], &tokens_[i], nullptr};
  if (zones_) zones_->paint(pictures_);
  stream_->run(pictures_, {.size = frames.size(), .timeout = {}});
  if (zones_) zones_->painted();
  torch::Tensor rows = torch::empty({std::ssize(frames), shape_[1], shape_[2], shape_[0]});
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (pictures_[i].failure) std::rethrow_exception(pictures_[i].failure);
    const std::vector<float> &features = tokens_[i].features;
    std::copy(features.begin(), features.end(), rows[static_cast<std::int64_t>(i)].data_ptr<float>());
  }
  return rows.permute({0, 3, 1, 2}).contiguous();
}

}  // namespace uniad
