// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/displacement.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "tests/support/real_backbone.h"
#include "tests/support/shared.h"

namespace uniad {
namespace {

BackboneConfig on(const char *name, std::vector<int> stages = {1, 2, 3, 4},
                  PaddingRule padding = PaddingRule::StaticSame) {
  BackboneConfig config;
  config.name = name;
  config.stages = std::move(stages);
  config.padding = padding;
  return config;
}

// Computed by hand: 260 pixels are 130, 65, 33 and 17 cells of 2, 4, 8 and 16 pixels, and so on.
TEST(Displacement, IsHalfOfWhatTheCellsReachBeyondThePictureTheyWereLearnedFrom) {
  EXPECT_EQ(displacement(on("efficientnet-lite2"), 224), (17 * 16 - 260) / 2);
  EXPECT_EQ(displacement(on("efficientnet-lite2", {1, 2, 3}), 224), (33 * 8 - 260) / 2);
  EXPECT_EQ(displacement(on("efficientnet-lite2", {1, 2}), 224), 0);
  EXPECT_EQ(displacement(on("efficientnet-lite2", {2, 5}), 224), (9 * 32 - 260) / 2);
  EXPECT_EQ(displacement(on("efficientnet-b4"), 224), (24 * 16 - 380) / 2);
  EXPECT_EQ(displacement(on("efficientnet-b4"), 512), (24 * 16 - 380) / 2);
  EXPECT_EQ(displacement(on("efficientnet-b0"), 224), 0);
  EXPECT_EQ(displacement(on("efficientnet-b0"), 320), 0);
  EXPECT_EQ(displacement(on("resnet18", {1, 2, 3}, PaddingRule::Symmetric), 224), 0);
}

TEST(Displacement, PutsTheGridThatFarToTheUpperLeft) {
  ModelConfig config;
  config.backbone = on("efficientnet-lite2");
  config.input.width = 320;
  config.input.height = 224;
  EXPECT_DOUBLE_EQ(grid_origin(config).left, -6.0 / 320);
  EXPECT_DOUBLE_EQ(grid_origin(config).top, -6.0 / 224);
}

// At 224, the third step of b4 pads 56 pixels with 1 and 2, instead of its native 95 pixels with 2 and 2, so
// that its cells are 4 pixels further right. At native size, nothing moves.
TEST(Displacement, FollowsPaddingThatAdaptsToTheInput) {
  const auto adapting = on("efficientnet-b4", {1, 2, 3, 4}, PaddingRule::DynamicSame);
  EXPECT_EQ(displacement(adapting, 224), 2 - 4);
  EXPECT_EQ(displacement(adapting, 380), 2);
  EXPECT_EQ(displacement(on("efficientnet-b4", {1, 2, 3, 4}, PaddingRule::Symmetric), 224), 2);
}

// Smooth noise.
torch::Tensor scene() {
  return torch::upsample_bilinear2d(torch::randn({1, 3, 28, 28}), {224, 224}, /*align_corners=*/false);
}

// Pastes patches into scenes and returns the mean offset, in pixels, between a patch and the place where the
// features change. The change is in standard deviations of each channel, as in scores.
double measured(const std::filesystem::path &weight_file, std::vector<int> stages) {
  const torch::NoGradGuard no_grad;
  const auto backbone =
      test::real_backbone(read_backbone_weights(weight_file), weight_file, std::move(stages));
  torch::manual_seed(1);
  constexpr int side = 24;
  constexpr int patches = 32;
  const torch::Tensor centers = 16 * torch::arange(14) + 8;
  double offset = 0;
  for (int i = 0; i < patches; ++i) {
    const torch::Tensor plain = scene();
    torch::Tensor patched = plain.clone();
    const auto place = [] { return torch::randint(64, 224 - 64 - side + 1, {1}).item<std::int64_t>(); };
    const std::int64_t x = place();
    const std::int64_t y = place();
    patched.slice(2, y, y + side).slice(3, x, x + side) = scene().slice(2, 0, side).slice(3, 0, side);
    const torch::Tensor before = neck(backbone->forward(plain), 14, 14);
    const torch::Tensor after = neck(backbone->forward(patched), 14, 14);
    const torch::Tensor change =
        ((after - before) / (before.std({2, 3}, /*unbiased=*/true, /*keepdim=*/true) + 0.01))
            .square()
            .mean(1)[0];
    const auto centroid = [&](std::int64_t summed_over) {
      const torch::Tensor profile = change.sum(summed_over);
      return ((profile * centers).sum() / profile.sum()).item<double>();
    };
    offset += (centroid(0) - static_cast<double>(x) + centroid(1) - static_cast<double>(y) - side) / 2;
  }
  return offset / patches;
}

// Real networks do not respond uniformly, but agree with the rule within 1.5 pixels.
TEST(Displacement, IsWherePatchesShow) {
  const auto lite2 = find_weight_file("efficientnet-lite2");
  if (!lite2) GTEST_SKIP() << "needs weights of efficientnet-lite2: run subprojects/setup.sh";
  EXPECT_NEAR(measured(*lite2, {1, 2, 3, 4}), displacement(on("efficientnet-lite2"), 224), 1.5);
  if (const auto b4 = test::shared_path("weights/efficientnet_b4_stages1-4.safetensors")) {
    EXPECT_NEAR(measured(*b4, {1, 2, 3, 4}), displacement(on("efficientnet-b4"), 224), 1.5);
  }
  if (const auto resnet = test::shared_path("weights/resnet18_layers1-3.safetensors")) {
    EXPECT_NEAR(measured(*resnet, {1, 2, 3}),
                displacement(on("resnet18", {1, 2, 3}, PaddingRule::Symmetric), 224), 1.5);
  }
}

}  // namespace
}  // namespace uniad
