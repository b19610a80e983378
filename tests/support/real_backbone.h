// SPDX-License-Identifier: Apache-2.0
// A backbone with real weights.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/base/torch_tensors.h"
#include "model/file/weights.h"

namespace uniad::test {

// The backbone of a weight file, which taps the given stages.
inline std::shared_ptr<Backbone> real_backbone(const BackboneWeights &weights,
                                               const std::filesystem::path &file, std::vector<int> stages) {
  BackboneConfig config = weights.config;
  config.stages = std::move(stages);
  auto backbone = make_backbone(config);
  load_tensors(*backbone, weights.tensors, "", file.string());
  return backbone;
}

}  // namespace uniad::test
