// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/engine/engine.h"
#include "model/network.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// What is frozen of a network (backbone, neck, the standardising and whitening it has when this is made), run
// as detection runs it: folded, at two to three times the rate of network.features(), and within 1e-4 of it
// in fp32.
class FeatureExtractor {
 public:
  // Copies the weights. device, precision: as the engine takes them ("cpu", "cuda:0"; "fp32", "bf16").
  FeatureExtractor(const Network &network, const ModelConfig &config, const std::string &device = "cpu",
                   const std::string &precision = "fp32");

  // (frames, channels, H / 16, W / 16), fp32. One call at a time. Throws what a frame throws.
  torch::Tensor run(std::span<const FrameView> frames);

  const InputConfig &input() const { return engine_->config().input; }
  // (channels, H / 16, W / 16)
  const std::vector<std::int64_t> &shape() const { return shape_; }
  // Of all that features depend on but the picture: weights, preprocessing, precision, program version.
  const std::string &digest() const { return digest_; }

 private:
  FeatureExtractor(const Model &frozen, const std::string &device, const std::string &precision);

  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Executor::Stream> stream_ = engine_->open_stream();
  std::vector<std::int64_t> shape_;
  std::string digest_;
  std::vector<Tokens> tokens_;
  std::vector<Picture> pictures_;
};

}  // namespace uniad
