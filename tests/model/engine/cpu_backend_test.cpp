// SPDX-License-Identifier: Apache-2.0
// Compares the network as engines run it on the CPU, folded as far as possible, with its definition
// (model/network.h), using random weights.
#include "model/engine/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/backend/folded.h"
#include "model/engine/torch_backend.h"
#include "model/network.h"
#include "model/statistics/one_torch_thread.h"
#include "tests/model/engine/pictures.h"
#include "tests/model/kernels/instruction_limit.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"

namespace uniad {
namespace {

using test::Features;
using test::InstructionLimit;
using test::RandomPicture;

// Relative to the largest number. (bf16 has a precision of 8 bits, which accumulates to half a percent over
// some layers.)
constexpr double fp32_error = 2e-5;
constexpr double bf16_error = 5e-2;
constexpr double int8_error = 2e-1;

struct NetworkCase {
  std::string name;
  ModelConfig config;
  Features features = Features::Raw;
};

// For gtest's messages.
void PrintTo(const NetworkCase &which, std::ostream *out) {
  *out << which.name;
}

ReconstructionConfig uniad(int dim, int heads, int feedforward, int encoder_layers = 1,
                           int decoder_layers = 1) {
  ReconstructionConfig config;
  config.dim = dim;
  config.heads = heads;
  config.feedforward = feedforward;
  config.encoder_layers = encoder_layers;
  config.decoder_layers = decoder_layers;
  config.mask_height = config.mask_width = 3;
  return config;
}

ModelConfig on(const std::string &backbone, std::vector<int> stages, PaddingRule padding, int height,
               int width, const std::optional<ReconstructionConfig> &reconstruction) {
  ModelConfig config;
  config.input.height = height;
  config.input.width = width;
  config.backbone = {backbone, std::move(stages), padding, 1e-3};
  config.reconstruction = reconstruction;
  if (!reconstruction) config.statistics.emplace();  // which the backend ignores
  return config;
}

constexpr auto native = PaddingRule::StaticSame;
constexpr auto same = PaddingRule::DynamicSame;
constexpr auto symmetric = PaddingRule::Symmetric;

// Every backbone family, padding rule, and kind of map.
std::vector<NetworkCase> backbone_cases() {
  const std::optional<ReconstructionConfig> none;
  return {
      {"b0_native", on("efficientnet-b0", {1, 2, 3, 4}, native, 224, 224, none)},
      {"b0_native_on_odd_maps", on("efficientnet-b0", {2, 4, 5}, native, 240, 176, none)},
      {"b0_native_on_the_smallest", on("efficientnet-b0", {1, 2, 3, 4, 5}, native, 32, 32, none)},
      {"b0_same_on_odd_maps", on("efficientnet-b0", {1, 3, 5}, same, 240, 176, none)},
      {"b0_symmetric", on("efficientnet-b0", {1, 5}, symmetric, 64, 96, none)},
      {"b4_native", on("efficientnet-b4", {1, 2, 4, 5}, native, 96, 112, none)},
      {"b4_symmetric_on_the_smallest", on("efficientnet-b4", {3}, symmetric, 32, 32, none)},
      {"b4_same_on_a_flat_one", on("efficientnet-b4", {2, 4}, same, 48, 320, none)},
      {"lite0_native_standardized", on("efficientnet-lite0", {1, 2, 3}, native, 224, 224, none),
       Features::Standardized},
      {"lite0_same_on_the_smallest", on("efficientnet-lite0", {5}, same, 32, 32, none)},
      {"lite2_symmetric_whitened", on("efficientnet-lite2", {1, 3}, symmetric, 64, 96, none),
       Features::Whitened},
      {"lite2_native_on_odd_maps", on("efficientnet-lite2", {1, 2, 3, 4, 5}, native, 240, 176, none)},
      {"resnet18", on("resnet18", {1, 2, 3, 4}, symmetric, 64, 96, none)},
      {"resnet18_on_odd_maps_standardized", on("resnet18", {2, 3}, symmetric, 240, 176, none),
       Features::Standardized},
      {"resnet18_says_native", on("resnet18", {1}, native, 80, 144, none)},
      {"resnet50", on("resnet50", {1, 3}, symmetric, 64, 96, none)},
      {"wide_resnet50_2", on("wide_resnet50_2", {1, 2}, symmetric, 48, 64, none)},
  };
}

// Every variant of UniAD, on a small backbone.
std::vector<NetworkCase> reconstruction_cases() {
  std::vector<NetworkCase> cases;
  const auto add = [&](const std::string &name, const ReconstructionConfig &config, int height, int width) {
    cases.push_back({name, on("efficientnet-lite0", {1, 2}, native, height, width, config)});
    return &cases.back().config.reconstruction.value();
  };
  add("dim_16", uniad(16, 2, 32), 224, 224);
  add("dim_24_in_3_heads", uniad(24, 3, 40), 64, 96);
  add("dim_30_in_3_heads", uniad(30, 3, 33), 64, 96);
  add("dim_18_in_18_heads", uniad(18, 18, 7), 64, 96)->position = PositionEmbedding::Sine;
  add("dim_34_in_1_head", uniad(34, 1, 100), 240, 176);
  add("sine_positions", uniad(32, 4, 64), 240, 176)->position = PositionEmbedding::Sine;
  add("layers", uniad(32, 4, 64, 3, 2), 64, 96);
  add("pre_norm", uniad(32, 2, 64), 64, 96)->pre_norm = true;
  auto *both = add("pre_norm_with_layers_and_sine_positions", uniad(24, 3, 40, 2, 3), 240, 176);
  both->pre_norm = true;
  both->position = PositionEmbedding::Sine;
  for (int only : {0, 1, 2, 3}) {
    auto *config = add("mask_" + std::to_string(only), uniad(16, 2, 32), 112, 80);
    config->mask_encoder = only == 1;
    config->mask_decoder_first = only == 2;
    config->mask_decoder_second = only == 3;
  }
  auto *even = add("mask_of_even_size", uniad(16, 2, 32), 112, 80);
  even->mask_height = 2;
  even->mask_width = 4;
  add("mask_of_whole_rows", uniad(16, 2, 32), 112, 80)->mask_width = 100;
  add("smallest_grid", uniad(16, 2, 32), 32, 32)->mask_height = 1;
  add("no_encoder", uniad(16, 2, 32, 0, 2), 64, 96);
  add("no_decoder", uniad(16, 2, 32, 2, 0), 64, 96);
  auto *no_encoder = add("no_encoder_pre_norm", uniad(24, 3, 40, 0, 2), 64, 96);
  no_encoder->pre_norm = true;
  auto *no_decoder = add("no_decoder_pre_norm", uniad(24, 3, 40, 2, 0), 64, 96);
  no_decoder->pre_norm = true;
  add("twelve_layers", uniad(16, 2, 32, 12, 12), 32, 48)->mask_width = 1;
  // Variants that run in LibTorch:
  add("one_query", uniad(24, 3, 40, 2, 2), 64, 96)->queries = QueryEmbedding::One;
  add("no_query", uniad(24, 3, 40, 2, 2), 64, 96)->queries = QueryEmbedding::None;
  add("variant_f", uniad(24, 3, 40, 2, 2), 64, 96)->decoder_variant = DecoderVariant::F;
  add("mlp", uniad(24, 3, 40, 2, 2), 64, 96)->kind = NetworkKind::Mlp;
  add("cnn", uniad(24, 3, 40), 64, 96)->kind = NetworkKind::Cnn;
  cases.push_back({"the_papers",
                   on("efficientnet-b4", {1, 2, 3, 4}, native, 224, 224, ReconstructionConfig{}),
                   Features::Standardized});
  cases.push_back(
      {"after_whitening", on("resnet18", {1, 2}, symmetric, 64, 64, uniad(32, 4, 64)), Features::Whitened});
  return cases;
}

// (pictures, channels, rows, columns) -> (pictures, tokens, channels)
torch::Tensor as_tokens(const torch::Tensor &map) {
  return map.flatten(2).transpose(1, 2).contiguous();
}

// Relative error of an array: max |a - b| / max |b|.
double relative_error(const std::vector<float> &actual, const torch::Tensor &expected) {
  EXPECT_EQ(actual.size(), static_cast<std::size_t>(expected.numel()));
  const torch::Tensor difference = torch::tensor(actual).view(expected.sizes()) - expected;
  return (difference.abs().max() / expected.abs().max()).item<double>();
}

std::vector<Tokens> run(Backend &backend, const std::vector<RandomPicture> &pictures) {
  std::vector<Tokens> tokens(pictures.size());
  std::vector<FrameView> frames;
  std::vector<Picture> batch;
  for (const RandomPicture &picture : pictures) frames.push_back(picture.view());
  for (std::size_t i = 0; i < pictures.size(); ++i) batch.push_back({&frames[i], &tokens[i], nullptr});
  backend.run(batch);
  for (const Picture &picture : batch) EXPECT_FALSE(picture.failure);
  return tokens;
}

void expect_same(const Tokens &a, const Tokens &b) {
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.residuals, b.residuals);
}

// A network, some pictures, and the network's outputs for them by definition.
class Modules {
 public:
  explicit Modules(const NetworkCase &which) {
    check(which.config, which.name);
    const torch::NoGradGuard no_grad;
    const OneTorchThread one_thread;
    torch::manual_seed(7);
    const InputConfig &input = which.config.input;
    for (unsigned i = 0; i < 5; ++i)
      pictures.emplace_back(input.width + 17, input.height + 40 * static_cast<int>(i % 2), i);
    const torch::Tensor images = test::images_of(pictures, input);
    Network network(which.config);
    test::randomize(network);
    test::standardize(network, images, which.features);
    const torch::Tensor map = network.features(images);
    features_ = as_tokens(map);
    if (network.reconstruction) residuals_ = as_tokens(network.residuals(map));
    model_ = test::model_of(network, which.config);
    folded_ = fold(model_, which.name);
  }

  std::unique_ptr<Backend> backend(int threads, cpu::Precision precision = cpu::Precision::Fp32) const {
    const auto pool = std::make_shared<cpu::ThreadPool>(threads);
    std::unique_ptr<Backend> folded = make_cpu_backend(folded_, precision, pool);
    if (!model_.config.reconstruction || foldable(*model_.config.reconstruction)) return folded;
    const auto type = precision == cpu::Precision::Bf16 ? torch::kBFloat16 : torch::kFloat32;
    return make_torch_backend(std::move(folded), model_, "test", type, pool);
  }

  void expect(const std::vector<Tokens> &actual, double tolerance, const std::string &how) const {
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const auto picture = static_cast<std::int64_t>(i);
      EXPECT_LT(relative_error(actual[i].features, features_[picture]), tolerance)
          << how << ", features of picture " << i;
      if (residuals_.defined())
        EXPECT_LT(relative_error(actual[i].residuals, residuals_[picture]), tolerance)
            << how << ", residuals of picture " << i;
      else
        EXPECT_TRUE(actual[i].residuals.empty());
    }
  }

  std::vector<RandomPicture> pictures;

 private:
  Model model_;
  FoldedNetwork folded_;
  torch::Tensor features_, residuals_;  // (pictures, tokens, channels)
};

class CpuBackendTest : public testing::TestWithParam<NetworkCase> {};

TEST_P(CpuBackendTest, MakesWhatTheNetworkMakes) {
  const Modules definition(GetParam());
  for (int threads : {1, 2, 3}) {
    const auto backend = definition.backend(threads);
    const std::string how = std::to_string(threads) + " threads";
    const std::vector<Tokens> together = run(*backend, definition.pictures);
    definition.expect(together, fp32_error, how);
    // The threads share a single picture, but the result is identical bit by bit.
    expect_same(run(*backend, {definition.pictures.front()}).front(), together.front());
  }
  for (const auto &[precision, tolerance] :
       {std::pair{cpu::Precision::Bf16, bf16_error}, {cpu::Precision::Int8, int8_error}}) {
    if (!cpu_has(precision)) continue;
    const auto backend = definition.backend(2, precision);
    const std::vector<Tokens> together = run(*backend, definition.pictures);
    definition.expect(together, tolerance, backend->description());
    expect_same(run(*backend, {definition.pictures.front()}).front(), together.front());
  }
}

const auto name_of = [](const auto &which) { return which.param.name; };
INSTANTIATE_TEST_SUITE_P(Backbones, CpuBackendTest, testing::ValuesIn(backbone_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Reconstructions, CpuBackendTest, testing::ValuesIn(reconstruction_cases()), name_of);

NetworkCase small_case() {
  return {"small", on("efficientnet-b0", {1, 2, 3}, native, 64, 96, uniad(24, 3, 40))};
}

TEST(CpuBackend, MakesTheSameInEveryInstructionSet) {
  const Modules definition(small_case());
  for (const char *limit : {"baseline", "avx2", "avx512", "avx512_bf16"}) {
    const InstructionLimit lower(limit);
    definition.expect(run(*definition.backend(2), definition.pictures), fp32_error, limit);
    if (cpu_has(cpu::Precision::Bf16))
      definition.expect(run(*definition.backend(2, cpu::Precision::Bf16), definition.pictures), bf16_error,
                        limit);
  }
}

TEST(CpuBackend, PictureThatCannotBeReadFailsAlone) {
  const Modules definition(small_case());
  for (int threads : {1, 2, 3}) {
    const auto backend = definition.backend(threads);
    for (std::size_t bad = 0; bad < 5; ++bad) {
      std::vector<FrameView> frames;
      for (const RandomPicture &picture : definition.pictures) frames.push_back(picture.view());
      frames[bad].width = 0;
      std::vector<Tokens> tokens(frames.size());
      std::vector<Picture> batch;
      for (std::size_t i = 0; i < frames.size(); ++i) batch.push_back({&frames[i], &tokens[i], nullptr});
      backend->run(batch);
      for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(batch[i].failure != nullptr, i == bad);
      EXPECT_NE(test::refusal([&] { std::rethrow_exception(batch[bad].failure); }), "");
      tokens[bad] = run(*backend, definition.pictures)[bad];
      definition.expect(tokens, fp32_error, "beside picture " + std::to_string(bad));
    }
  }
}

TEST(CpuBackend, SaysWhatItRunsOn) {
  const Modules definition(small_case());
  const InstructionLimit limit("baseline");
  EXPECT_EQ(definition.backend(1)->description(), "cpu, fp32 (baseline)");
  EXPECT_FALSE(cpu_has(cpu::Precision::Bf16));
  EXPECT_TRUE(test::holds(test::refusal([&] { definition.backend(1, cpu::Precision::Bf16); }), "bf16"));
}

}  // namespace
}  // namespace uniad
