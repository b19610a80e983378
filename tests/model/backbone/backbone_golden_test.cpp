// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/backbone/backbone.h"
#include "tests/support/formula.h"

namespace uniad {
namespace {

using test::expect_element;
using test::expect_golden;

struct GoldenMap {
  double mean, absmean, first, mid, last;
};

void expect_map(const torch::Tensor &map, const GoldenMap &golden, const std::string &what) {
  expect_golden(map.mean(), golden.mean, what + " mean");
  expect_golden(map.abs().mean(), golden.absmean, what + " absmean");
  expect_element(map, 0, golden.first, what);
  expect_element(map, map.numel() / 2, golden.mid, what);
  expect_element(map, map.numel() - 1, golden.last, what);
}

// The tensors that the whole reference EfficientNet has after the last block.
const std::vector<std::string> efficientnet_head{"_conv_head.weight", "_bn1.weight",      "_bn1.bias",
                                                 "_bn1.running_mean", "_bn1.running_var", "_fc.weight",
                                                 "_fc.bias"};

std::vector<torch::Tensor> taps_of(const BackboneConfig &config, const std::vector<std::string> &beyond,
                                   std::size_t keys) {
  const torch::NoGradGuard no_grad;
  const auto backbone = make_backbone(config);
  backbone->to(torch::kFloat64);
  EXPECT_EQ(test::fill_by_formula(*backbone, beyond), keys);
  return backbone->forward(test::sine_input({1, 3, 224, 224}, 0.01));
}

void expect_taps(const std::vector<torch::Tensor> &taps, const std::vector<GoldenMap> &golden,
                 const std::string &name) {
  ASSERT_EQ(taps.size(), golden.size());
  for (std::size_t i = 0; i < taps.size(); ++i) {
    expect_map(taps[i], golden[i], name + " tap " + std::to_string(i));
  }
}

// All numbers were computed by the reference's modules in float64.
TEST(BackboneGolden, EfficientNetB0) {
  const auto taps =
      taps_of({"efficientnet-b0", {1, 2, 3, 4, 5}, PaddingRule::StaticSame, 1e-3}, efficientnet_head, 311);
  expect_taps(taps,
              {{0.000488555398, 0.0700106631, -0.0204797553, -0.0484321965, 0.130720181},
               {-0.00578219796, 0.18508102, 0.191519984, -0.0793528124, -0.0397785814},
               {-0.00766166337, 0.168591808, 0.0760665691, -0.509168567, -0.131969933},
               {0.00345346766, 0.436544675, -0.0071522022, -0.0329033188, -0.0646138188},
               {-0.000542623369, 0.55731694, -0.174465076, 0.109776551, 0.313321314}},
              "b0");
}

TEST(BackboneGolden, EfficientNetB4AndItsNeck) {
  const auto taps =
      taps_of({"efficientnet-b4", {1, 2, 3, 4, 5}, PaddingRule::StaticSame, 1e-3}, efficientnet_head, 610);
  expect_taps(taps,
              {{-0.0270163711, 0.112693233, -0.189271935, 0.00981773521, -0.0707030779},
               {0.0181105075, 0.37200379, -0.0273975672, -0.356334489, -0.351213022},
               {0.0380127164, 0.454588533, 0.42761516, -0.252992648, 0.709444708},
               {0.011927334, 1.25287652, -0.439611788, -0.892743167, -0.38939441},
               {0.0204405527, 1.37130282, 0.0700442913, 0.689238053, -0.393153013}},
              "b4");
  const torch::Tensor features = neck({taps.begin(), taps.begin() + 4}, 14, 14);
  ASSERT_EQ(features.sizes(), (std::vector<std::int64_t>{1, 272, 14, 14}));
  expect_map(features, {0.014601585, 0.884317026, -0.189271935, -1.58707465, -0.38939441}, "neck of b4");
}

TEST(BackboneGolden, ResNet18) {
  const auto taps = taps_of({"resnet18", {1, 2, 3, 4}, PaddingRule::Symmetric, 1e-5}, {}, 100);
  expect_taps(taps,
              {{2.86339247, 2.86339247, 0.842104825, 0.757704519, 2.37019403},
               {0.510630689, 0.510630689, 0.00252741343, 0.811449083, 0.0904609531},
               {0.0984047069, 0.0984047069, 0.264291943, 0.0723793044, 0.196383515},
               {0.219741885, 0.219741885, 0.5609954, 0.187037332, 0}},
              "resnet18");
}

TEST(BackboneGolden, ResNet50) {
  const auto taps = taps_of({"resnet50", {1, 2, 3, 4}, PaddingRule::Symmetric, 1e-5}, {}, 265);
  expect_taps(taps,
              {{0.670675227, 0.670675227, 0.161248777, 0.647875426, 0.230628738},
               {0.462354094, 0.462354094, 0.642677881, 0, 0},
               {0.879841866, 0.879841866, 0.218033306, 0.0550379683, 0},
               {0.622974368, 0.622974368, 0.158758086, 0, 0}},
              "resnet50");
}

}  // namespace
}  // namespace uniad
