// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/backbone.h"

#include <algorithm>

#include "model/backbone/efficientnet.h"
#include "model/backbone/resnet.h"
#include "model/base/error.h"
#include "model/config/taps.h"

namespace uniad {
namespace {

const BackboneInfo &info_of(const BackboneConfig &config) {
  const BackboneInfo *info = find_backbone(config.name);
  if (info == nullptr) {
    std::string names;
    for (const std::string &name : backbone_names()) names += (names.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::Unsupported, "backbone", "unknown name '" + config.name + "'",
                "the known names are " + names);
  }
  const bool known = std::all_of(config.stages.begin(), config.stages.end(), [info](int stage) {
    return stage >= 1 && stage <= static_cast<int>(info->taps.size());
  });
  if (config.stages.empty() || !known || !std::is_sorted(config.stages.begin(), config.stages.end())) {
    throw Error(ErrorKind::Unsupported, config.name, "there are no such stages",
                "use one or more of 1 to " + std::to_string(info->taps.size()) + ", in ascending order");
  }
  return *info;
}

}  // namespace

std::shared_ptr<Backbone> make_backbone(const BackboneConfig &config) {
  const BackboneInfo &info = info_of(config);
  std::shared_ptr<Backbone> backbone;
  if (info.family == BackboneFamily::ResNet) {
    backbone = std::make_shared<ResNet>(info, config);
  } else {
    backbone = std::make_shared<EfficientNet>(info, config);
  }
  backbone->eval();
  return backbone;
}

int tapped_channels(const BackboneConfig &config) {
  const BackboneInfo &info = info_of(config);
  int channels = 0;
  for (int stage : config.stages) channels += info.taps[static_cast<std::size_t>(stage) - 1].channels;
  return channels;
}

torch::Tensor neck(const std::vector<torch::Tensor> &taps, int height, int width) {
  std::vector<torch::Tensor> resized;
  resized.reserve(taps.size());
  for (const torch::Tensor &tap : taps) {
    const bool same_size = tap.size(2) == height && tap.size(3) == width;
    resized.push_back(same_size ? tap
                                : torch::upsample_bilinear2d(tap, {height, width}, /*align_corners=*/true));
  }
  return torch::cat(resized, 1);
}

}  // namespace uniad
