// SPDX-License-Identifier: Apache-2.0
// A small UniAD.
#pragma once

#include "model/file/model_file.h"

namespace uniad::test {

// UniAD on 40 channels of 10x10 tokens, small enough to be trained in a test.
inline ModelConfig small_uniad() {
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2}, PaddingRule::StaticSame, 1e-3};
  config.input.height = config.input.width = 160;
  config.reconstruction->dim = 16;
  config.reconstruction->heads = 2;
  config.reconstruction->feedforward = 32;
  config.reconstruction->encoder_layers = config.reconstruction->decoder_layers = 1;
  return config;
}

}  // namespace uniad::test
