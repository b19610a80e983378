// SPDX-License-Identifier: Apache-2.0
#include "model/config/taps.h"

#include <algorithm>
#include <cmath>

namespace uniad {
namespace {

// A group of blocks before scaling (EfficientNet paper, table 1).
struct Group {
  int repeat, kernel, stride, expand, in, out;
};
constexpr std::array<Group, 7> base_groups{{{1, 3, 1, 1, 32, 16},
                                            {2, 3, 2, 6, 16, 24},
                                            {2, 5, 2, 6, 24, 40},
                                            {3, 3, 2, 6, 40, 80},
                                            {3, 5, 1, 6, 80, 112},
                                            {4, 5, 2, 6, 112, 192},
                                            {1, 3, 1, 6, 192, 320}}};

int scaled_width(int channels, double width) {
  const double wanted = channels * width;
  const int rounded = std::max(8, static_cast<int>(wanted + 4) / 8 * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}

void add_taps_at_resolution_ends(BackboneInfo &info) {
  int stride = 2;  // of the stem
  for (std::size_t i = 0; i < info.blocks.size(); ++i) {
    stride *= info.blocks[i].stride;
    const bool last = i + 1 == info.blocks.size() || info.blocks[i + 1].stride > 1;
    if (last) {
      info.taps.push_back(
          {static_cast<int>(info.taps.size()) + 1, static_cast<int>(i), info.blocks[i].out, stride});
    }
  }
}

BackboneInfo efficientnet(const std::string &name, double width, double depth, int native_size, bool lite) {
  BackboneInfo info;
  info.name = name;
  info.family = lite ? BackboneFamily::EfficientNetLite : BackboneFamily::EfficientNet;
  info.native_size = native_size;
  // Lite does not scale the stem, the head, and the repeats of the first and the last group.
  info.stem_channels = lite ? 32 : scaled_width(32, width);
  info.head_channels = lite ? 1280 : scaled_width(1280, width);
  int in = info.stem_channels;
  for (std::size_t g = 0; g < base_groups.size(); ++g) {
    const Group &group = base_groups[g];
    const bool fixed = lite && (g == 0 || g + 1 == base_groups.size());
    const int repeat = fixed ? group.repeat : static_cast<int>(std::ceil(depth * group.repeat));
    const int out = scaled_width(group.out, width);
    for (int r = 0; r < repeat; ++r) {
      info.blocks.push_back(
          {group.kernel, r == 0 ? group.stride : 1, group.expand, in, out, static_cast<int>(g)});
      in = out;
    }
  }
  add_taps_at_resolution_ends(info);
  return info;
}

BackboneInfo resnet(const std::string &name, std::array<int, 4> layers, bool bottleneck, int base_width) {
  BackboneInfo info;
  info.name = name;
  info.family = BackboneFamily::ResNet;
  info.stem_channels = 64;
  info.layers = layers;
  info.bottleneck = bottleneck;
  info.base_width = base_width;
  for (int layer = 1; layer <= 4; ++layer) {
    info.taps.push_back({layer, layer, (bottleneck ? 256 : 64) << (layer - 1), 4 << (layer - 1)});
  }
  return info;
}

const std::vector<BackboneInfo> &all() {
  static const std::vector<BackboneInfo> backbones{
      efficientnet("efficientnet-b0", 1.0, 1.0, 224, false),
      efficientnet("efficientnet-b1", 1.0, 1.1, 240, false),
      efficientnet("efficientnet-b2", 1.1, 1.2, 260, false),
      efficientnet("efficientnet-b3", 1.2, 1.4, 300, false),
      efficientnet("efficientnet-b4", 1.4, 1.8, 380, false),
      efficientnet("efficientnet-b5", 1.6, 2.2, 456, false),
      efficientnet("efficientnet-b6", 1.8, 2.6, 528, false),
      efficientnet("efficientnet-b7", 2.0, 3.1, 600, false),
      efficientnet("efficientnet-lite0", 1.0, 1.0, 224, true),
      efficientnet("efficientnet-lite1", 1.0, 1.1, 240, true),
      efficientnet("efficientnet-lite2", 1.1, 1.2, 260, true),
      efficientnet("efficientnet-lite3", 1.2, 1.4, 280, true),
      efficientnet("efficientnet-lite4", 1.4, 1.8, 300, true),
      resnet("resnet18", {2, 2, 2, 2}, false, 64),
      resnet("resnet34", {3, 4, 6, 3}, false, 64),
      resnet("resnet50", {3, 4, 6, 3}, true, 64),
      resnet("resnet101", {3, 4, 23, 3}, true, 64),
      resnet("wide_resnet50_2", {3, 4, 6, 3}, true, 128),
  };
  return backbones;
}

}  // namespace

const BackboneInfo *find_backbone(std::string_view name) {
  const auto found = std::find_if(all().begin(), all().end(),
                                  [name](const BackboneInfo &info) { return info.name == name; });
  return found == all().end() ? nullptr : &*found;
}

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const BackboneInfo &info : all()) names.push_back(info.name);
  return names;
}

}  // namespace uniad
