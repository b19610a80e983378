// SPDX-License-Identifier: Apache-2.0
#include "training/info/complexity.h"

#include <functional>
#include <numeric>
#include <variant>

#include "model/engine/backend/folded.h"
#include "model/file/network_tensors.h"

namespace uniad {
namespace {

std::int64_t elements(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

bool is_parameter(const std::string &tensor) {
  return tensor.find(".running_") == std::string::npos;
}

std::int64_t macs(const Convolution &convolution) {
  return std::ssize(convolution.weights) * convolution.output.pixels();
}

std::int64_t macs(const std::optional<Convolution> &convolution) {
  return convolution ? macs(*convolution) : 0;
}

std::int64_t macs(const InvertedBlock &block) {
  const std::int64_t gate = block.gate ? std::ssize(block.gate->reduce) + std::ssize(block.gate->expand) : 0;
  return macs(block.expand) + macs(block.depthwise) + gate + macs(block.project);
}

std::int64_t macs(const ResidualUnit &unit) {
  std::int64_t sum = macs(unit.shortcut);
  for (const Convolution &convolution : unit.body) sum += macs(convolution);
  return sum;
}

Stage backbone_stage(const ModelConfig &config, const FoldedBackbone &folded) {
  Stage stage{.name = "backbone"};
  for (const auto &[name, shape] : backbone_tensors(config.backbone))
    if (is_parameter(name)) stage.parameters += elements(shape);
  stage.macs = macs(folded.stem);
  for (const Block &block : folded.blocks)
    stage.macs += std::visit([](const auto &kind) { return macs(kind); }, block);
  return stage;
}

// Every matrix is applied to every token. Attention also multiplies queries by keys, and weights by values.
std::vector<Stage> reconstruction_stages(const ReconstructionConfig &config, const FoldedNetwork &network) {
  const bool cnn = config.kind == NetworkKind::Cnn;
  std::vector<Stage> stages{{.name = "projections"}};
  for (const char *name : cnn ? std::vector{"cnn"} : std::vector{"encoder", "decoder"})
    stages.push_back({.name = name});
  const std::int64_t tokens = network.grid.pixels();
  for (const auto &[name, shape] :
       reconstruction_tensors(config, network.channels, network.grid.height, network.grid.width)) {
    const bool embedding = name.find("_embed.") != std::string::npos;
    Stage &stage = name.starts_with("transformer.decoder.")                       ? stages[2]
                   : name.starts_with("transformer.") || name.starts_with("cnn.") ? stages[1]
                                                                                  : stages[0];
    if (is_parameter(name)) stage.parameters += elements(shape);
    if (shape.size() > 1 && !embedding) stage.macs += tokens * elements(shape);
    if (name.ends_with("in_proj_weight")) stage.macs += 2 * tokens * tokens * config.dim;
  }
  return stages;
}

}  // namespace

std::vector<Stage> count_stages(const Model &model) {
  const ModelConfig &config = model.config;
  const FoldedNetwork network = fold(model, "model");
  const std::int64_t tokens = network.grid.pixels();
  const std::int64_t channels = network.channels;
  std::vector<Stage> stages{backbone_stage(config, network.backbone)};
  stages.push_back({.name = "neck",
                    .macs = 4 * tokens * channels +
                            (network.feature_whitening.empty() ? 0 : tokens * channels * channels)});
  if (config.reconstruction)
    for (const Stage &stage : reconstruction_stages(*config.reconstruction, network)) stages.push_back(stage);
  if (config.statistics)
    stages.push_back(
        {.name = "statistics",
         .macs = (config.statistics->residuals ? 2 : 1) * tokens * channels * (channels + 1) / 2});
  return stages;
}

}  // namespace uniad
