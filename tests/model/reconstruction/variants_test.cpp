// SPDX-License-Identifier: Apache-2.0
// Compares small versions of the networks of the paper's experiments with the output of make_variants.py.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "model/file/network_tensors.h"
#include "model/network.h"
#include "model/reconstruction/feature_loss.h"
#include "model/reconstruction/picture_decoder.h"
#include "model/reconstruction/uniad.h"
#include "model/scoring/anomaly_map.h"
#include "tests/support/formula.h"

namespace uniad {
namespace {

constexpr int channels = 6;
constexpr int height = 3;
constexpr int width = 4;

ReconstructionConfig small_network() {
  ReconstructionConfig config;
  config.dim = 8;
  config.heads = 2;
  config.feedforward = 12;
  config.encoder_layers = 2;
  config.decoder_layers = 2;
  config.mask_height = 1;
  config.mask_width = 3;
  return config;
}

ReconstructionConfig with(NetworkKind kind, QueryEmbedding queries) {
  ReconstructionConfig config = small_network();
  config.kind = kind;
  config.queries = queries;
  return config;
}

ReconstructionConfig variant(DecoderVariant which, bool pre_norm = false) {
  ReconstructionConfig config = small_network();
  config.decoder_variant = which;
  config.pre_norm = pre_norm;
  return config;
}

template <typename Change>
ReconstructionConfig changed(ReconstructionConfig config, Change change) {
  change(config);
  return config;
}

struct Variant {
  std::string name;
  ReconstructionConfig config;
  std::size_t tensors;
  double mean, first, mid, last;
};

// For gtest's messages.
void PrintTo(const Variant &which, std::ostream *out) {
  *out << which.name;
}

std::vector<Variant> cases() {
  using enum DecoderVariant;
  const auto uniad = NetworkKind::UniAD;
  const auto mlp = NetworkKind::Mlp;
  const auto none = QueryEmbedding::None;
  const auto one = QueryEmbedding::One;
  const auto layer = QueryEmbedding::Layer;
  const auto pre_norm = [](auto &config) { config.pre_norm = true; };
  const auto no_encoder = [](auto &config) { config.encoder_layers = 0; };
  const auto no_decoder = [](auto &config) { config.decoder_layers = 0; };
  const auto sine = [](auto &config) { config.position = PositionEmbedding::Sine; };
  const auto unmasked = [](auto &config) {
    config.mask_encoder = config.mask_decoder_first = config.mask_decoder_second = false;
  };
  const auto without_first = [](auto &config) { config.mask_decoder_first = false; };
  return {
      {"uniad", small_network(), 70, 0.01308583384, -0.7556883998, -0.6515624774, -0.2565900994},
      {"variant_b", variant(B), 70, 0.006649119955, -0.6818572894, -0.6792126539, -0.3894910961},
      {"variant_c", variant(C), 70, 0.02451899305, -0.6026163397, -0.8186998885, 0.9945708236},
      {"variant_d", variant(D), 70, 0.03180787102, -0.585491286, -0.8358145048, 1.138217098},
      {"variant_e", variant(E), 70, -0.00892998885, -0.9191074217, -0.898487996, -0.8015951316},
      {"variant_f", variant(F), 70, -0.006526515458, -0.8132735568, -0.7171513503, -0.5081179419},
      {"variant_a_pre_norm", variant(A, true), 72, -0.001752979783, -0.6629756899, -0.6499569525,
       -0.246353104},
      {"variant_c_pre_norm", variant(C, true), 72, 0.02291293894, -0.469904647, -0.5582830896, 0.705519172},
      {"variant_e_pre_norm", variant(E, true), 72, -0.01580394836, -0.8078755225, -0.8078421068,
       -0.2765958356},
      {"no_query", with(uniad, none), 68, 0.02794480347, -0.08003990151, -0.2418548504, 0.4270286495},
      {"one_query", with(uniad, one), 69, 0.01510161048, -0.816468682, -0.8089166935, -0.2954589336},
      {"one_query_pre_norm", changed(with(uniad, one), pre_norm), 71, 0.003903680139, -0.5169554166,
       -0.5171538302, -0.07134696427},
      {"transformer", changed(with(uniad, one), unmasked), 69, 0.01542007052, -0.8086290736, -0.8019733557,
       -0.3041083591},
      {"no_encoder", changed(small_network(), no_encoder), 46, 0.008799383711, -0.8941053849, -0.8583807047,
       -0.5625999189},
      {"no_decoder", changed(small_network(), no_decoder), 32, 0.04143072875, -0.6023294893, -0.8491694607,
       1.241351192},
      {"one_query_no_decoder", changed(with(uniad, one), no_decoder), 32, 0.04143072875, -0.6023294893,
       -0.8491694607, 1.241351192},
      {"sine", changed(small_network(), sine), 68, 0.01152998378, -0.2290811172, -0.2945024449, 1.134766395},
      {"mask_encoder_and_second", changed(small_network(), without_first), 70, 0.01307438552, -0.7522500314,
       -0.6527082705, -0.2558650643},
      {"mlp", with(mlp, one), 67, 0.0466676998, 0.7885958277, 0.8069362546, -0.4377890995},
      {"mlp_no_query", with(mlp, none), 66, 0.0965920836, -0.1568254575, -0.1783669555, 0.9987763434},
      {"mlp_query_a_layer", with(mlp, layer), 68, 0.09583224477, 0.1772394797, 0.2090516028, 1.07430148},
      {"cnn", with(NetworkKind::Cnn, layer), 174, -0.03648516668, -0.3173437608, -0.3895529388, 0.1357917461},
  };
}

class VariantsTest : public testing::TestWithParam<Variant> {};

TEST_P(VariantsTest, GivesWhatItsFormulaGives) {
  const torch::NoGradGuard no_grad;
  const Variant &which = GetParam();
  UniAD network(which.config, channels, height, width);
  network->to(torch::kFloat64);
  EXPECT_EQ(test::fill_by_formula(*network), which.tensors);
  network->eval();
  const torch::Tensor out = network(test::sine_input({2, channels, height, width}, 0.13));
  test::expect_golden(out.mean(), which.mean, "mean");
  test::expect_element(out, 0, which.first, "first");
  test::expect_element(out, out.numel() / 2, which.mid, "middle");
  test::expect_element(out, out.numel() - 1, which.last, "last");
}

// The network has exactly the tensors that its model file must contain.
TEST_P(VariantsTest, HasTheTensorsThatItsFileMustHave) {
  const UniAD network(GetParam().config, channels, height, width);
  std::map<std::string, Shape> has;
  for (const auto &item : network->named_parameters()) has[item.key()] = item.value().sizes().vec();
  for (const auto &item : network->named_buffers())
    if (!item.key().ends_with("num_batches_tracked")) has[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(reconstruction_tensors(GetParam().config, channels, height, width), has);
}

// In training, every parameter has a gradient, so that an optimizer can update all of them.
TEST_P(VariantsTest, EveryParameterLearns) {
  torch::manual_seed(3);
  UniAD network(GetParam().config, channels, height, width);
  network->train();
  network(torch::randn({2, channels, height, width})).square().sum().backward();
  for (const auto &item : network->named_parameters())
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

INSTANTIATE_TEST_SUITE_P(Paper, VariantsTest, testing::ValuesIn(cases()),
                         [](const auto &which) { return which.param.name; });

// Each picture has its own dropout, even if all pictures start with the same query.
TEST(Variants, TheOnlyQueryIsDroppedForEachPictureAlone) {
  torch::manual_seed(3);
  ReconstructionConfig config = with(NetworkKind::UniAD, QueryEmbedding::One);
  config.dropout = 0.5;
  config.jitter_scale = 0;
  config.encoder_layers = 0;
  config.decoder_layers = 1;
  UniAD network(config, channels, height, width);
  network->train();
  const torch::Tensor one = torch::randn({1, channels, height, width});
  const torch::Tensor out = network(one.expand({2, -1, -1, -1}));
  EXPECT_FALSE(torch::allclose(out[0], out[1]));
}

TEST(Variants, TheCnnStartsByXavier) {
  torch::manual_seed(3);
  ReconstructionConfig config;
  config.kind = NetworkKind::Cnn;
  const UniAD network(config, 272, 14, 14);
  const torch::Tensor weight = network->named_parameters()["cnn.layer1.0.conv1.weight"];
  const double bound = std::sqrt(6.0 / (256 * 9 + 256 * 9));
  EXPECT_LE(weight.abs().max().item<double>(), bound);
  EXPECT_NEAR(weight.std().item<double>(), bound / std::sqrt(3.0), 0.01 * bound);
}

TEST(Jitter, PerTokenIsDrawnForEachTokenOfEachPicture) {
  const torch::NoGradGuard no_grad;
  ReconstructionConfig config = small_network();
  config.dim = channels;
  config.heads = 1;
  config.jitter_probability = 0.25;
  config.jitter_per_token = true;
  UniAD network(config, channels, height, width);
  network->input_proj->weight.copy_(torch::eye(channels));
  network->input_proj->bias.zero_();
  torch::manual_seed(3);
  const torch::Tensor features = torch::randn({400, channels, height, width});
  const torch::Tensor tokens = features.flatten(2).transpose(1, 2);
  const torch::Tensor touched = (network->embed(features) != tokens).any(-1).to(torch::kFloat64);
  // Within four standard deviations of a binomial of 4,800 draws, and of 400 at each position.
  EXPECT_NEAR(touched.mean().item<double>(), 0.25, 0.025);
  EXPECT_GT(touched.mean(0).min().item<double>(), 0.25 - 0.087);
  EXPECT_LT(touched.mean(0).max().item<double>(), 0.25 + 0.087);
}

// Two cells of two channels: features (3, 4) and (1, 0), reconstruction (4, 3) and (0, 2).
const auto features_by_hand = [] { return torch::tensor({3.0F, 1.0F, 4.0F, 0.0F}).view({1, 2, 1, 2}); };
const auto reconstruction_by_hand = [] { return torch::tensor({4.0F, 0.0F, 3.0F, 2.0F}).view({1, 2, 1, 2}); };

TEST(FeatureLoss, IsItsFormula) {
  const auto loss = [](FeatureLoss kind) {
    return feature_loss(kind, reconstruction_by_hand(), features_by_hand()).item<double>();
  };
  EXPECT_NEAR(loss(FeatureLoss::Mse), (1 + 1 + 1 + 4) / 4.0, 1e-6);
  // (0.6, 0.8) and (0.8, 0.6); (1, 0) and (0, 1).
  EXPECT_NEAR(loss(FeatureLoss::NormalizedMse), (0.04 + 0.04 + 1 + 1) / 2, 1e-6);
  EXPECT_NEAR(loss(FeatureLoss::Cosine), (1 - 0.96 + 1) / 2, 1e-6);
}

TEST(FeatureLoss, NothingIsLearnedFromAnIgnoredCell) {
  const torch::Tensor learned = torch::tensor({true, false}).view({1, 1, 1, 2});
  const double expected[]{(1 + 1) / 4.0, (0.04 + 0.04) / 2, (1 - 0.96) / 2};
  std::size_t next = 0;
  for (const auto kind : {FeatureLoss::Mse, FeatureLoss::NormalizedMse, FeatureLoss::Cosine}) {
    const torch::Tensor reconstruction = reconstruction_by_hand().requires_grad_();
    const torch::Tensor loss = feature_loss(kind, reconstruction, features_by_hand(), learned);
    EXPECT_NEAR(loss.item<double>(), expected[next++], 1e-6);
    loss.backward();
    const torch::Tensor of_cells = reconstruction.grad().abs().sum(1).flatten();
    EXPECT_GT(of_cells[0].item<double>(), 0);
    EXPECT_EQ(of_cells[1].item<double>(), 0);
  }
}

TEST(FeatureLoss, ItsAnomalyMapIsTheSameDistanceCellByCell) {
  const std::pair<FeatureLoss, std::array<double, 2>> kinds[]{
      {FeatureLoss::Mse, {std::sqrt(2.0), std::sqrt(5.0)}},
      {FeatureLoss::NormalizedMse, {std::sqrt(0.08), std::sqrt(2.0)}},
      {FeatureLoss::Cosine, {0.04, 1.0}}};
  for (const auto &[kind, expected] : kinds) {
    const torch::Tensor grid = anomaly_grid(kind, features_by_hand(), reconstruction_by_hand());
    std::array<float, 2> values{};
    anomaly_values(kind, std::array{3.0F, 4.0F, 1.0F, 0.0F}, std::array{-1.0F, 1.0F, 1.0F, -2.0F}, values);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(grid.flatten()[static_cast<std::int64_t>(i)].item<double>(), expected[i], 1e-6);
      EXPECT_NEAR(values[i], expected[i], 1e-6);
    }
  }
}

TEST(FeatureLoss, ACellWithoutFeaturesIsNoReasonForNaN) {
  const torch::Tensor nothing = torch::zeros({1, 2, 1, 1}, torch::requires_grad());
  for (const auto kind : {FeatureLoss::Mse, FeatureLoss::NormalizedMse, FeatureLoss::Cosine}) {
    const torch::Tensor loss = feature_loss(kind, nothing, torch::zeros({1, 2, 1, 1}));
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>()));
    EXPECT_TRUE(torch::isfinite(nothing.grad()).all().item<bool>());
    std::array<float, 1> value{};
    anomaly_values(kind, std::array{0.0F, 0.0F}, std::array{0.0F, 0.0F}, value);
    EXPECT_TRUE(std::isfinite(value[0]));
  }
}

TEST(PictureDecoder, IsAsLargeAsTheReferencesAndMakesPicturesOfTheInputsSize) {
  const torch::NoGradGuard no_grad;
  PictureDecoder decoder(272);
  std::int64_t parameters = 0;
  for (const torch::Tensor &parameter : decoder->parameters()) parameters += parameter.numel();
  EXPECT_EQ(parameters, 24'053'632);
  decoder->eval();
  EXPECT_EQ(decoder(torch::zeros({2, 272, 2, 4})).sizes(), (std::vector<std::int64_t>{2, 3, 32, 64}));
}

TEST(Network, ABackboneThatLearnsHasGradientsAndKeepsItsStatistics) {
  torch::manual_seed(3);
  ModelConfig config;
  config.input.height = config.input.width = 64;
  config.backbone = {"efficientnet-b0", {1, 2}, PaddingRule::StaticSame, 1e-3};
  config.reconstruction = small_network();
  Network network(config);
  network.eval();
  network.reconstruction->train();
  const torch::Tensor mean = network.named_buffers()["backbone._bn0.running_mean"].clone();
  const torch::Tensor features = network.features(torch::randn({2, 3, 64, 64}));
  feature_loss(FeatureLoss::Mse, network.reconstruction(features), features).backward();
  for (const torch::Tensor &parameter : network.trainable(true)) EXPECT_TRUE(parameter.grad().defined());
  const torch::Tensor stem = network.named_parameters()["backbone._conv_stem.weight"];
  EXPECT_GT(stem.grad().abs().max().item<double>(), 0);
  EXPECT_TRUE(torch::equal(network.named_buffers()["backbone._bn0.running_mean"], mean));
  EXPECT_LT(network.trainable(false).size(), network.trainable(true).size());
}

}  // namespace
}  // namespace uniad
