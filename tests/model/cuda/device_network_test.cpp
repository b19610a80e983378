// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/device_network.h"

#include <gtest/gtest.h>

#include "model/base/torch_tensors.h"
#include "model/cuda/convolution.h"
#include "model/health/picture.h"

namespace uniad::test {
namespace {

// Runs the kernel on the host.
void finish_on_host(torch::Tensor &x, const torch::Tensor &bias, const torch::Tensor &skip,
                    Activation activation) {
  x = x.contiguous(torch::MemoryFormat::ChannelsLast);
  ASSERT_TRUE(!skip.defined() || skip.is_contiguous(torch::MemoryFormat::ChannelsLast));
  const bool fp32 = x.scalar_type() == torch::kFloat32;
  cuda::finish(
      cuda::FinishJob{x.data_ptr(), skip.defined() ? skip.data_ptr() : nullptr, bias.data_ptr<float>(),
                      fp32 ? cuda::ElementType::Fp32 : cuda::ElementType::Bf16,
                      static_cast<int>(x.size(0) * x.size(2)), static_cast<int>(x.size(3)),
                      static_cast<int>(x.size(1)), activation},
      cuda::HostLauncher{});
}

void depthwise_on_host(const torch::Tensor &input, const cuda::DepthwiseWeights &weights, int top, int left,
                       torch::Tensor &out, Activation activation) {
  const torch::Tensor in = input.contiguous(torch::MemoryFormat::ChannelsLast);
  const bool fp32 = in.scalar_type() == torch::kFloat32;
  const auto size = [](const torch::Tensor &tensor, int dimension) {
    return static_cast<int>(tensor.size(dimension));
  };
  cuda::depthwise(cuda::DepthwiseJob{in.data_ptr(), weights.weight.data_ptr(), weights.bias.data_ptr<float>(),
                                     out.data_ptr(), fp32 ? cuda::ElementType::Fp32 : cuda::ElementType::Bf16,
                                     size(in, 0), size(in, 2), size(in, 3), size(out, 2), size(out, 3),
                                     size(in, 1), weights.kernel, weights.stride, top, left, activation},
                  cuda::HostLauncher{});
}

const cuda::ConvolutionKernels on_host{finish_on_host, depthwise_on_host};

// Gives BatchNorms parameters that have an effect.
void shake(Backbone &backbone) {
  const torch::NoGradGuard no_grad;
  for (const auto &module : backbone.modules())
    if (auto *norm = module->as<torch::nn::BatchNorm2dImpl>()) {
      norm->weight.uniform_(0.5, 1.5);
      norm->bias.normal_(0, 0.2);
      norm->running_mean.normal_(0, 0.2);
      norm->running_var.uniform_(0.5, 2);
    }
}

TEST(CudaFoldedBackbone, GivesWhatTheBackboneGives) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  struct Case {
    const char *name;
    std::vector<int> stages;
    PaddingRule padding;
  };
  for (const auto &[name, stages, padding] : {Case{"efficientnet-b0", {1, 2, 3, 4}, PaddingRule::StaticSame},
                                              Case{"efficientnet-b0", {2, 5}, PaddingRule::DynamicSame},
                                              Case{"efficientnet-lite0", {1, 3}, PaddingRule::Symmetric},
                                              Case{"resnet18", {1, 2, 3, 4}, PaddingRule::Symmetric},
                                              Case{"resnet50", {1, 3}, PaddingRule::Symmetric}}) {
    const BackboneConfig config{name, stages, padding, 1e-3};
    const std::shared_ptr<Backbone> backbone = make_backbone(config);
    shake(*backbone);
    const torch::Tensor images = torch::randn({2, 3, 64, 96}).contiguous(torch::MemoryFormat::ChannelsLast);
    const std::vector<torch::Tensor> expected = backbone->forward(images);
    const auto folded = cuda::fold(*backbone, config, torch::kCPU, torch::kFloat32, on_host);
    const std::vector<torch::Tensor> actual = folded->forward(images);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i].sizes(), expected[i].sizes());
      EXPECT_LT(((actual[i] - expected[i]).abs().max() / expected[i].abs().max()).item<double>(), 1e-4)
          << name << ", tap " << i;
    }
  }
}

double relative(const torch::Tensor &a, const torch::Tensor &b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

// Models with learned positions and masks, with whitening, with sine positions and no masks, and with
// statistics alone.
std::vector<Model> models() {
  Model model;
  model.config.input.height = 64;
  model.config.input.width = 96;
  model.config.backbone = {"efficientnet-b0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  ReconstructionConfig &uniad = *model.config.reconstruction;
  uniad.dim = 32;
  uniad.heads = 2;
  uniad.feedforward = 32;
  uniad.encoder_layers = uniad.decoder_layers = 2;
  uniad.mask_height = uniad.mask_width = 3;
  std::vector<Model> all(3, model);
  all[1].config.reconstruction->position = PositionEmbedding::Sine;
  all[1].config.reconstruction->mask_encoder = false;
  all[2].config.reconstruction.reset();
  for (Model &each : all) {
    Network network(each.config);
    shake(*network.backbone);
    store_tensors(network, "", each.tensors);
  }
  const int channels = tapped_channels(model.config.backbone);
  all[0].tensors["feature_mean"] = to_stored(torch::randn(channels) * 0.1);
  all[0].tensors["feature_std"] = to_stored(torch::rand(channels) + 0.5);
  all[0].tensors["feature_whitening"] =
      to_stored(torch::eye(channels) + torch::randn({channels, channels}) * 0.01);
  return all;
}

TEST(CudaDeviceNetwork, GivesTheNetworksFeaturesAndResiduals) {
  torch::manual_seed(5);
  for (const Model &model : models())
    for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
      const std::shared_ptr<Network> network = make_network(model, "test");
      const cuda::DeviceNetwork on_device(model, "test", torch::kCPU, type, on_host);
      const c10::InferenceMode inference;
      const torch::Tensor images = torch::randn({2, 3, 64, 96}).contiguous(torch::MemoryFormat::ChannelsLast);
      const torch::Tensor features = network->features(images);
      const torch::Tensor actual = on_device(images.to(type));
      ASSERT_EQ(actual.sizes(), (std::vector<std::int64_t>{2, on_device.parts(), 24, network->channels()}));
      EXPECT_EQ(actual.numel(), 2 * on_device.parts() * on_device.part_size());
      const double tolerance = type == torch::kFloat32 ? 1e-4 : 0.1;
      const auto tokens = [](const torch::Tensor &map) { return map.flatten(2).transpose(1, 2); };
      EXPECT_LT(relative(actual.select(1, 0), tokens(features)), tolerance);
      if (network->reconstruction) {
        EXPECT_LT(relative(actual.select(1, 1), tokens(network->residuals(features))), tolerance);
      }
    }
}

TEST(CudaLuma, IsThatOfTheCpu) {
  const InputConfig input{.height = 32, .width = 48};
  const torch::Tensor images = torch::randn({2, 3, 32, 48}).contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor luma = cuda::luma_of(images, input);
  ASSERT_EQ(luma.sizes(), (std::vector<std::int64_t>{2, 32 * 48}));
  for (std::int64_t picture = 0; picture < 2; ++picture) {
    const torch::Tensor planes = images[picture].contiguous();
    GrayPicture expected;
    luma_of_input({planes.data_ptr<float>(), static_cast<std::size_t>(planes.numel())}, 48, 32, input.mean,
                  input.std, expected);
    for (std::size_t i = 0; i < expected.values.size(); ++i)
      ASSERT_NEAR(luma[picture][static_cast<std::int64_t>(i)].item<int>(), expected.values[i], 1) << i;
  }
}

}  // namespace
}  // namespace uniad::test
