// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tiny_model.h"

#include "model/network.h"

namespace uniad::test {

void write_tiny_model(const std::filesystem::path &path, std::optional<double> threshold) {
  torch::manual_seed(1);
  Model model;
  model.config.input.height = 64;
  model.config.input.width = 64;
  model.config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  model.config.reconstruction->dim = 32;
  model.config.reconstruction->heads = 2;
  model.config.reconstruction->feedforward = 32;
  model.config.reconstruction->encoder_layers = 1;
  model.config.reconstruction->decoder_layers = 1;
  model.config.reconstruction->mask_height = 3;
  model.config.reconstruction->mask_width = 3;
  if (threshold) {
    model.calibration.rule = "mean + 4 sd";
    model.calibration.pooled = ScoreStatistics{*threshold, *threshold / 2, *threshold / 8, 100};
  }
  store_tensors(Network(model.config), "", model.tensors);
  write_model(model, path);
}

}  // namespace uniad::test
