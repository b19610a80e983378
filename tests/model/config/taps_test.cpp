// SPDX-License-Identifier: Apache-2.0
#include "model/config/taps.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

struct Row {
  const char *name;
  std::vector<int> blocks;
  std::vector<int> channels;
};

// The reference's table (docs/network-details.md, "Taps" and "EfficientNet"); b7 follows the rule "last block
// at each resolution".
const std::vector<Row> rows{
    {"efficientnet-b0", {0, 2, 4, 10, 15}, {16, 24, 40, 112, 320}},
    {"efficientnet-b1", {1, 4, 7, 15, 22}, {16, 24, 40, 112, 320}},
    {"efficientnet-b2", {1, 4, 7, 15, 22}, {16, 24, 48, 120, 352}},
    {"efficientnet-b3", {1, 4, 7, 17, 25}, {24, 32, 48, 136, 384}},
    {"efficientnet-b4", {1, 5, 9, 21, 31}, {24, 32, 56, 160, 448}},
    {"efficientnet-b5", {2, 7, 12, 26, 38}, {24, 40, 64, 176, 512}},
    {"efficientnet-b6", {2, 8, 14, 30, 44}, {32, 40, 72, 200, 576}},
    {"efficientnet-lite2", {0, 3, 6, 14, 20}, {16, 24, 48, 120, 352}},
    {"resnet18", {1, 2, 3, 4}, {64, 128, 256, 512}},
    {"wide_resnet50_2", {1, 2, 3, 4}, {256, 512, 1024, 2048}},
};

TEST(Taps, AreTheReferencesTable) {
  for (const Row &row : rows) {
    const BackboneInfo *info = find_backbone(row.name);
    ASSERT_NE(info, nullptr) << row.name;
    std::vector<int> blocks;
    std::vector<int> channels;
    for (const Tap &tap : info->taps) {
      blocks.push_back(tap.block);
      channels.push_back(tap.channels);
    }
    EXPECT_EQ(blocks, row.blocks) << row.name;
    EXPECT_EQ(channels, row.channels) << row.name;
  }
}

TEST(Taps, StridesDoubleFromStageToStage) {
  for (const std::string &name : backbone_names()) {
    const BackboneInfo *info = find_backbone(name);
    for (std::size_t i = 1; i < info->taps.size(); ++i) {
      EXPECT_EQ(info->taps[i].stride, 2 * info->taps[i - 1].stride) << name;
    }
    EXPECT_EQ(info->taps.back().stride, 32) << name;
  }
}

TEST(Taps, UnknownNameIsNoBackbone) {
  EXPECT_EQ(find_backbone("efficientnet-b9"), nullptr);
}

}  // namespace
}  // namespace uniad
