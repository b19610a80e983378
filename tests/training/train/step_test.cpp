// SPDX-License-Identifier: Apache-2.0
#include "training/train/step.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <numeric>

#include "tests/support/formula.h"
#include "training/train/learn.h"

namespace uniad {
namespace {

struct Golden {
  double mean, first, mid, last;
};

void expect_tensor(const torch::Tensor &tensor, const Golden &golden, const std::string &what) {
  test::expect_golden(tensor.mean(), golden.mean, what + " mean");
  test::expect_element(tensor, 0, golden.first, what);
  test::expect_element(tensor, tensor.numel() / 2, golden.mid, what);
  test::expect_element(tensor, tensor.numel() - 1, golden.last, what);
}

UniAD without_chance() {
  ReconstructionConfig config;
  config.dropout = 0;
  config.jitter_scale = 0;
  UniAD uniad(config, 272, 14, 14);
  uniad->train();
  return uniad;
}

// Computed with the reference's modules and torch's AdamW, in float64.
TEST(TrainingStep, FiveStepsAreTheReferences) {
  UniAD uniad = without_chance();
  uniad->to(torch::kFloat64);
  test::fill_by_formula(*uniad);
  const torch::Tensor features = test::sine_input({2, 272, 14, 14}, 0.013, 3.0);
  Optimizer optimizer(uniad->parameters(), 1e-4);
  const double losses[]{4.776071038, 4.52858422, 4.516190572, 4.445750263, 4.390887893};
  const double norms[]{10.6395216, 3.716454404, 5.699132186, 3.532254939, 1.74876484};
  for (std::size_t step = 0; step < 5; ++step) {
    const StepResult result = training_step(uniad, features, optimizer, {1e-4, 0.1});
    EXPECT_NEAR(result.loss, losses[step], 1e-6 * losses[step]) << "before step " << step + 1;
    EXPECT_NEAR(result.gradient_norm, norms[step], 1e-6 * norms[step]) << "in step " << step + 1;
  }
  const torch::NoGradGuard no_grad;
  const auto parameters = uniad->named_parameters();
  expect_tensor(parameters["input_proj.weight"],
                {3.804951178e-06, 0.05083371251, 0.04161843107, -0.01629765385}, "input_proj.weight");
  expect_tensor(parameters["output_proj.bias"],
                {0.0001073102079, 0.09140037496, 0.08834187903, 0.09905004648}, "output_proj.bias");
  expect_tensor(parameters["transformer.encoder.layers.0.self_attn.in_proj_weight"],
                {1.166498705e-06, -0.0592700541, -0.05290522573, 0.01467949099}, "encoder 0 in_proj_weight");
  expect_tensor(parameters["transformer.decoder.layers.3.learned_embed.weight"],
                {3.106625443e-06, 0.01051607875, 0.03917050151, -0.05892747212}, "decoder 3 learned_embed");
  expect_tensor(parameters["pos_embed.col_embed.weight"],
                {-0.0001950526459, -0.06697797625, 0.05222580407, 0.05373883658}, "col_embed");
  expect_tensor(parameters["transformer.decoder.norm.weight"],
                {1.000460914, 1.096803438, 0.9000407931, 1.098849278}, "decoder.norm.weight");
}

TEST(TrainingStep, LeavesTheWeightsAloneWhenTheLossIsNotANumber) {
  UniAD uniad = without_chance();
  Optimizer optimizer(uniad->parameters(), 1e-4);
  const torch::Tensor before = uniad->input_proj->weight.detach().clone();
  const torch::Tensor features = torch::full({1, 272, 14, 14}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(std::isfinite(training_step(uniad, features, optimizer, {1e-3, 1.0}).loss));
  EXPECT_TRUE(torch::equal(uniad->input_proj->weight, before));
}

TEST(TrainingStep, Bf16LearnsWhatFp32Learns) {
  const auto loss_after = [](bool bf16) {
    torch::manual_seed(2);
    UniAD uniad = without_chance();
    Optimizer optimizer(uniad->parameters(), 1e-4);
    const torch::Tensor features = torch::randn({2, 272, 14, 14});
    StepResult result;
    for (int i = 0; i < 10; ++i) result = training_step(uniad, features, optimizer, {1e-3, 1.0, bf16});
    return result.loss;
  };
  const double fp32 = loss_after(false);
  EXPECT_NEAR(loss_after(true), fp32, 0.02 * fp32);
}

TEST(Standardize, WhitenedFeaturesAreUncorrelatedAndOfOneScale) {
  torch::manual_seed(7);
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  config.input.height = config.input.width = 64;
  config.reconstruction.reset();
  config.statistics.emplace();
  Network network(config);
  const std::int64_t channels = network.channels();
  // Channels that are correlated and whose scales differ by orders of magnitude.
  const torch::Tensor mixing =
      torch::randn({channels, channels}) * torch::logspace(-1, 1, channels).unsqueeze(1);
  const torch::Tensor raw =
      at::matmul(mixing, torch::randn({64, channels, 16})).view({64, channels, 4, 4}) + 3;
  const FeatureSet half = in_memory(raw.to(torch::kFloat16));
  const std::vector<SourceFeatures> sources{{"one", half, {}}};
  standardize(network, sources, /*whiten=*/true);

  std::vector<std::int64_t> all(64);
  std::iota(all.begin(), all.end(), 0);
  const torch::Tensor seen = network.standardize(half.gather(all));
  const torch::Tensor tokens = seen.to(torch::kFloat64).permute({1, 0, 2, 3}).flatten(1);
  const torch::Tensor covariance = tokens.mm(tokens.t()) / tokens.size(1);
  const torch::Tensor identity = torch::eye(channels, torch::kFloat64);
  // After shrinkage, directions of little variance remain below 1, but none correlates with another.
  EXPECT_LT((covariance - covariance.diag().diag()).abs().max().item<double>(), 0.2);
  EXPECT_LT(covariance.diag().max().item<double>(), 1.1);
  EXPECT_EQ(identity.size(0), network.feature_whitening.size(0));
}

TEST(Standardize, IgnoredTokensDoNotCount) {
  torch::manual_seed(8);
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  config.input.height = config.input.width = 64;
  config.reconstruction.reset();
  config.statistics.emplace();
  Network network(config);
  const torch::Tensor raw = torch::randn({16, network.channels(), 4, 4});
  torch::Tensor flashing = raw.clone();
  flashing.slice(2, 0, 2) = 100;
  const Zone upper{"", ZoneKind::Ignore, {{0, 0}, {1, 0}, {1, 0.5}, {0, 0.5}}, {}, {}};
  const auto zones = std::make_shared<ZoneGrid>(zones_on({{upper}, {}}, {4, 4, {}}));
  standardize(network, std::vector<SourceFeatures>{{"one", in_memory(flashing), {}, zones}});
  const torch::Tensor kept = raw.slice(2, 2, 4).to(torch::kFloat64).transpose(0, 1).flatten(1);
  EXPECT_TRUE(torch::allclose(network.feature_mean.to(torch::kFloat64), kept.mean(1), 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(network.feature_std.to(torch::kFloat64), kept.std(1, false), 1e-4, 1e-4));
}

// What a source's zones ignore is not in the loss, and other sources are learned whole.
TEST(Reader, TellsWhichCellsAreLearned) {
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  config.input.height = config.input.width = 64;
  config.reconstruction.reset();
  config.statistics.emplace();
  const Network network(config);
  const Zone corner{"", ZoneKind::Ignore, {{0, 0}, {0.25, 0}, {0.25, 0.25}, {0, 0.25}}, {}, {}};
  const auto zones = std::make_shared<ZoneGrid>(zones_on({{corner}, {}}, {4, 4, {}}));
  const FeatureSet two = in_memory(torch::zeros({2, network.channels(), 4, 4}));
  const std::vector<SourceFeatures> sources{{"whole", two, {}}, {"with a clock", two, {}, zones}};
  const StepPictures read = reader_of(network, sources)(torch::tensor({0, 3}, torch::kInt64), 0);
  ASSERT_EQ(read.learned.sizes(), (std::vector<std::int64_t>{2, 1, 4, 4}));
  EXPECT_EQ(read.learned[0].sum().item<int>(), 16);
  EXPECT_EQ(read.learned[1].sum().item<int>(), 15);
  EXPECT_FALSE(read.learned[1][0][0][0].item<bool>());
}

}  // namespace
}  // namespace uniad
