// SPDX-License-Identifier: Apache-2.0
// Computes features of pictures with the engine.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/engine.h"
#include "model/engine/zones_in_force.h"
#include "model/network.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// The frozen part of a network (backbone, neck, and the standardization and whitening at construction), run
// as in detection: folded, two to three times as fast as network.features(), and within 1e-4 of it in fp32.
class FeatureExtractor {
 public:
  // Copies the weights. device, precision: in the engine's notation ("cpu", "cuda:0"; "fp32", "bf16").
  FeatureExtractor(const Network &network, const ModelConfig &config, const std::string &device = "cpu",
                   const std::string &precision = "fp32");

  // (frames, channels, H / 16, W / 16), fp32. Not thread-safe. Throws the error of a frame.
  torch::Tensor run(std::span<const FrameView> frames);

  // Sets the zones of the source that the next pictures come from. Ignored areas are hidden from the network
  // (see ZonesInForce), from the second picture on. Null: no zones.
  void set_zones(const Zones *zones);
  // Sets zones that were set before, with the first picture that they have seen; may be null.
  void set_zones(std::shared_ptr<ZonesInForce> zones) { zones_ = std::move(zones); }
  const std::shared_ptr<ZonesInForce> &zones_in_force() const { return zones_; }
  // Null if there are none.
  const ZoneGrid *zones() const { return zones_ ? zones_->grid().get() : nullptr; }

  const InputConfig &input() const { return engine_->config().input; }
  // (channels, H / 16, W / 16)
  const std::vector<std::int64_t> &shape() const { return shape_; }
  // Digest of everything that features depend on except the picture: weights, preprocessing, precision and
  // program version.
  const std::string &digest() const { return digest_; }

 private:
  FeatureExtractor(const Model &frozen, const std::string &device, const std::string &precision);

  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Executor::Stream> stream_ = engine_->open_stream();
  std::vector<std::int64_t> shape_;
  std::string digest_;
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
  std::shared_ptr<ZonesInForce> zones_;  // may be null
};

}  // namespace uniad
