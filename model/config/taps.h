// SPDX-License-Identifier: Apache-2.0
// The table of backbones: their blocks and their tapped stages.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace uniad {

enum class BackboneFamily { EfficientNet, EfficientNetLite, ResNet };

// The output of the last block at one resolution (docs/network-details.md, "Taps").
struct Tap {
  int stage = 0;     // EfficientNet 1..5 (strides 2..32), ResNet 1..4 (strides 4..32)
  int block = 0;     // EfficientNet: block number from 0; ResNet: layer number from 1
  int channels = 0;  // of the tapped map
  int stride = 0;    // input pixels per cell
};

// One inverted residual block (docs/network-details.md, "EfficientNet").
struct InvertedResidual {
  int kernel = 3;
  int stride = 1;
  int expand = 6;
  int in = 0;     // channels
  int out = 0;    // channels
  int group = 0;  // number of its group, 0 to 6
};

struct BackboneInfo {
  std::string name;
  BackboneFamily family = BackboneFamily::EfficientNet;
  int native_size = 224;  // pixels; static "same" padding is computed for it

  int stem_channels = 0;
  int head_channels = 0;                 // EfficientNet families only
  std::vector<InvertedResidual> blocks;  // EfficientNet families only

  std::array<int, 4> layers{};  // ResNet only: blocks in layer1..4
  bool bottleneck = false;      // ResNet only
  int base_width = 64;          // ResNet only: 128 for wide_resnet50_2

  std::vector<Tap> taps;  // by ascending stage
};

// efficientnet-b0..b7, efficientnet-lite0..lite4, resnet18, 34, 50, 101, wide_resnet50_2; null for any other
// name.
const BackboneInfo *find_backbone(std::string_view name);
std::vector<std::string> backbone_names();

}  // namespace uniad
