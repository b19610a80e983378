// SPDX-License-Identifier: Apache-2.0
#include "training/info/complexity.h"

#include <gtest/gtest.h>

#include "tests/support/synthetic.h"

namespace uniad {
namespace {

Model model_of(const ModelConfig &config, int channels) {
  Model model;
  model.config = config;
  model.tensors = test::numbered(backbone_tensors(config.backbone), "backbone.");
  if (config.reconstruction)
    model.tensors.merge(
        test::numbered(reconstruction_tensors(*config.reconstruction, channels, config.input.height / 16,
                                              config.input.width / 16),
                       "reconstruction."));
  return model;
}

std::map<std::string, Stage> by_name(const std::vector<Stage> &stages) {
  std::map<std::string, Stage> named;
  for (const Stage &stage : stages) named[stage.name] = stage;
  return named;
}

// Published figures: 0.920 GMAC and 3,635,984 parameters of b4 up to stage 4, and 7,717,392 parameters of
// UniAD. The encoder was computed by hand: with 196 tokens, a layer has 256 x (4 x 256 + 2 x 1024)
// multiplications per token and two products of 196 x 196 x 256. The decoder has one more attention per
// layer.
TEST(Complexity, ThePapersNetworkCostsWhatTheReferenceDoes) {
  auto stages = by_name(count_stages(model_of({}, 272)));
  EXPECT_EQ(stages.size(), 5U);
  EXPECT_EQ(stages["backbone"].parameters, 3'635'984);
  EXPECT_NEAR(static_cast<double>(stages["backbone"].macs) / 1e9, 0.920, 0.0005);
  EXPECT_EQ(stages["projections"].parameters + stages["encoder"].parameters + stages["decoder"].parameters,
            7'717'392);
  EXPECT_EQ(stages["projections"].macs, 2 * 196 * 256 * 272);
  EXPECT_EQ(stages["encoder"].macs, 4 * (196LL * 256 * (4 * 256 + 2 * 1024) + 2LL * 196 * 196 * 256));
  EXPECT_EQ(stages["decoder"].macs, 4 * (196LL * 256 * (8 * 256 + 2 * 1024) + 4LL * 196 * 196 * 256));
}

TEST(Complexity, TheCnnIsCountedByItsKernels) {
  ModelConfig config;
  config.backbone.name = "resnet18";
  config.backbone.stages = {1, 2, 3};
  config.backbone.padding = PaddingRule::Symmetric;
  config.input.height = config.input.width = 64;
  config.reconstruction->kind = NetworkKind::Cnn;
  config.reconstruction->dim = 4;
  config.reconstruction->heads = 1;
  auto stages = by_name(count_stages(model_of(config, 448)));
  // Stages of 3, 4, 6 and 3 blocks with 4, 2, 2 and 4 channels; 16 cells.
  const std::int64_t weights = 9 * (6 * 16 + (8 + 7 * 4) + 12 * 4 + (8 + 5 * 16)) + 2 * 8;
  EXPECT_EQ(stages["cnn"].macs, 16 * weights);
  EXPECT_FALSE(stages.contains("encoder"));
}

TEST(Complexity, StatisticsMultiplyATriangle) {
  ModelConfig config;
  config.backbone.stages = {1};
  config.reconstruction.reset();
  config.statistics.emplace();
  auto stages = by_name(count_stages(model_of(config, 24)));
  EXPECT_EQ(stages["statistics"].macs, 196 * 24 * 25 / 2);
  EXPECT_EQ(stages["statistics"].parameters, 0);
}

}  // namespace
}  // namespace uniad
