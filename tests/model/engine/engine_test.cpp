// SPDX-License-Identifier: Apache-2.0
#include "model/engine/engine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/engine/cpu/cpu_backend.h"
#include "model/engine/detector.h"
#include "model/network.h"
#include "model/preprocess/preprocess.h"
#include "model/statistics/cluster_sums.h"
#include "model/statistics/one_torch_thread.h"
#include "tests/model/engine/allocation_counter.h"
#include "tests/model/engine/pictures.h"
#include "tests/model/kernels/instruction_limit.h"
#include "tests/support/limit_memory.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"

namespace uniad {
namespace {

using test::RandomPicture;

class EngineTest : public test::ScratchFolder {
 protected:
  EngineTest() : model(file("model.safetensors")) { test::write_tiny_model(model); }

  const std::filesystem::path model;
};

TEST_F(EngineTest, EverybodyWhoOpensAFileGetsTheSameEngine) {
  const auto engine = Engine::of_file(model, "cpu", "fp32");
  EXPECT_EQ(Engine::of_file(model, "cpu", "fp32"), engine);
  std::filesystem::create_symlink(model, file("link.safetensors"));
  EXPECT_EQ(Engine::of_file(file("link.safetensors"), "cpu", "fp32"), engine);
}

TEST_F(EngineTest, ManyWhoOpenAFileAtOnceGetOneEngine) {
  std::vector<std::shared_ptr<Engine>> engines(8);
  std::latch all(8);
  {
    std::vector<std::jthread> users;
    for (auto &engine : engines)
      users.emplace_back([&] {
        all.arrive_and_wait();
        engine = Engine::of_file(model, "cpu", "fp32");
      });
  }
  for (const auto &engine : engines) EXPECT_EQ(engine, engines.front());
}

TEST_F(EngineTest, AnotherPrecisionIsAnotherEngine) {
  if (!cpu_has(cpu::Precision::Bf16)) GTEST_SKIP() << "this processor has no bf16";
  const auto engine = Engine::of_file(model, "cpu", "fp32");
  const auto other = Engine::of_file(model, "cpu", "bf16");
  EXPECT_NE(other, engine);
  EXPECT_TRUE(test::holds(engine->description(), "fp32"));
  EXPECT_TRUE(test::holds(other->description(), "bf16"));
}

TEST_F(EngineTest, AnotherFileIsAnotherEngine) {
  test::write_tiny_model(file("copy.safetensors"));
  EXPECT_NE(Engine::of_file(file("copy.safetensors"), "cpu", "fp32"), Engine::of_file(model, "cpu", "fp32"));
}

TEST_F(EngineTest, FileThatWasWrittenAnewIsAnotherEngine) {
  const auto engine = Engine::of_file(model, "cpu", "fp32");
  test::write_tiny_model(model, 2.0);
  const auto other = Engine::of_file(model, "cpu", "fp32");
  EXPECT_NE(other, engine);
  EXPECT_FALSE(engine->calibration().pooled);
  EXPECT_TRUE(other->calibration().pooled);
}

TEST_F(EngineTest, GoesWithItsLastUser) {
  auto first = Engine::of_file(model, "cpu", "fp32");
  auto second = Engine::of_file(model, "cpu", "fp32");
  const std::weak_ptr<Engine> seen = first;
  first.reset();
  EXPECT_FALSE(seen.expired());
  second.reset();
  EXPECT_TRUE(seen.expired());
  EXPECT_NE(Engine::of_file(model, "cpu", "fp32"), nullptr);
}

TEST_F(EngineTest, AModelThatDoesNotFitIntoMemorySaysSo) {
  if (!test::can_limit_memory) GTEST_SKIP() << "not under AddressSanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a forked process lacks LibTorch's threads
  Model large;
  large.config.backbone = {"efficientnet-b0", {1, 2, 3, 4}, PaddingRule::StaticSame, 1e-3};
  store_tensors(Network(large.config), "", large.tensors);
  write_model(large, file("large.safetensors"));
  ASSERT_GT(std::filesystem::file_size(file("large.safetensors")), 32U << 20U);
  // Too little memory to read the model, and enough to read it but not to fold it.
  for (const rlim_t megabytes : {8, 64}) {
    const auto open = [&] {
      test::limit_memory(megabytes << 20U);
      const std::string message =
          test::refusal([&] { Engine::of_file(file("large.safetensors"), "cpu", "fp32"); });
      std::cerr << message;
      std::_Exit(test::holds(message, "\n") ? 1 : 0);
    };
    EXPECT_EXIT(open(), testing::ExitedWithCode(0), "large.safetensors: does not fit into memory");
  }
}

TEST_F(EngineTest, UnknownPrecisionsAndDevicesAreNamed) {
  const auto refused = [&](const char *device, const char *precision) {
    return test::refusal([&] { Engine::of_file(model, device, precision); });
  };
  EXPECT_TRUE(test::holds(refused("cpu", "fp64"), "fp64"));
  EXPECT_TRUE(test::holds(refused("tpu", "fp32"), "tpu"));
  EXPECT_TRUE(test::holds(test::refusal([&] { Engine::of_file(file("none"), "cpu", "fp32"); }), "none"));
}

TEST_F(EngineTest, Bf16WhereTheProcessorHasNoneIsFp32AndSaysSo) {
  const test::InstructionLimit limit("avx512");
  const auto engine = Engine::of_file(model, "cpu", "bf16");
  EXPECT_TRUE(test::holds(engine->description(), "fp32"));
  EXPECT_TRUE(test::holds(engine->warning(), "precision=bf16"));
  EXPECT_EQ(Engine::of_file(model, "cpu", "fp32")->warning(), "");
}

// A tiny model whose reconstruction cannot be folded.
void write_experiment(const std::filesystem::path &path, const std::filesystem::path &tiny, NetworkKind kind,
                      FeatureLoss loss) {
  torch::manual_seed(3);
  Model model = read_model(tiny);
  model.config.reconstruction->kind = kind;
  model.config.reconstruction->loss = loss;
  std::erase_if(model.tensors, [](const auto &named) { return named.first.starts_with("reconstruction."); });
  Network network(model.config);
  store_tensors(*network.reconstruction, "reconstruction.", model.tensors);
  write_model(model, path);
}

TEST_F(EngineTest, AnExperimentsNetworkIsRunByLibTorchAndSaysSo) {
  write_experiment(file("mlp.safetensors"), model, NetworkKind::Mlp, FeatureLoss::Mse);
  const auto engine = Engine::of_file(file("mlp.safetensors"), "cpu", "fp32");
  EXPECT_TRUE(test::holds(engine->warning(), "LibTorch"));
  EXPECT_TRUE(test::holds(engine->description(), "reconstruction by LibTorch"));
}

// --- detectors on it

std::vector<float> grid_of(Detector &detector, const RandomPicture &picture) {
  return detector.detect(std::array{picture.view()}).front().grid.values;
}

TEST_F(EngineTest, StreamsThatShareItGetWhatOneAloneGets) {
  std::vector<RandomPicture> pictures;
  std::vector<std::vector<float>> alone;
  for (unsigned i = 0; i < 8; ++i) pictures.emplace_back(90 + 10 * static_cast<int>(i), 70, i);
  for (const RandomPicture &picture : pictures) alone.push_back(grid_of(*Detector::open(model), picture));
  std::vector<std::jthread> streams;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    streams.emplace_back([&, i] {
      const auto detector = Detector::open(model);
      for (int frame = 0; frame < 20; ++frame) EXPECT_EQ(grid_of(*detector, pictures[i]), alone[i]);
    });
}

TEST_F(EngineTest, ADetectorsMapIsTheNetworksWhateverTheLoss) {
  const auto path = file("experiment.safetensors");
  const RandomPicture picture(90, 70, 1);
  for (const auto kind : {NetworkKind::UniAD, NetworkKind::Cnn})
    for (const auto loss : {FeatureLoss::Mse, FeatureLoss::NormalizedMse, FeatureLoss::Cosine}) {
      write_experiment(path, model, kind, loss);
      const std::vector<float> grid = grid_of(*Detector::open(path), picture);
      const c10::InferenceMode inference;
      const OneTorchThread one_thread;
      const Model written = read_model(path);
      const InputConfig &input = written.config.input;
      const torch::Tensor image = torch::empty({1, 3, input.height, input.width});
      Preprocessor(input).run(picture.view(),
                              {image.data_ptr<float>(), static_cast<std::size_t>(image.numel())});
      const torch::Tensor expected = make_network(written, "test")->judge(image).grid.flatten();
      const torch::Tensor difference = (torch::tensor(grid) - expected).abs().max() / expected.abs().max();
      EXPECT_LT(difference.item<double>(), 1e-4);
    }
}

// A model with the statistics of the features of some pictures and, with UniAD, also of their residuals.
void write_statistics_model(const std::filesystem::path &path, const std::filesystem::path &tiny,
                            bool with_residuals) {
  const c10::InferenceMode inference;
  const OneTorchThread one_thread;
  Model model = read_model(tiny);
  const auto network = make_network(model, "test");
  torch::manual_seed(3);
  ClusterSums sums;
  for (int i = 0; i < 20; ++i) {
    const torch::Tensor features =
        network->features(torch::randn({1, 3, model.config.input.height, model.config.input.width}));
    const torch::Tensor residuals = with_residuals ? network->residuals(features)[0] : torch::Tensor();
    sums += sums_of(features[0], residuals);
  }
  store_statistics(std::array{sums}, model.tensors);
  model.config.statistics.emplace().residuals = with_residuals;
  if (!with_residuals) model.config.reconstruction.reset();
  write_model(model, path);
}

// Each call has one frame of the same size. With several frames, the thread that takes each one is random,
// and a preprocessor allocates new tables whenever the size changes.
std::size_t allocations_of_later_frames(const std::filesystem::path &model) {
  const auto detector = Detector::open(model);
  const RandomPicture picture(100, 80, 1);
  const std::vector<FrameView> frames{picture.view()};
  std::vector<Detection> detections;
  const auto detect = [&](int times) {
    for (int i = 0; i < times; ++i) detector->detect(frames, detections);
  };
  detect(5);
  const test::AllocationCounter counter;
  detect(10);
  return counter.count();
}

// (image_score() allocates its matrices for every frame: six allocations. Nothing else allocates.)
TEST_F(EngineTest, DetectingAllocatesNothingAfterTheFirstFrames) {
  EXPECT_EQ(allocations_of_later_frames(model), 0U) << "with UniAD";
  for (bool with_residuals : {false, true}) {
    write_statistics_model(file("statistics.safetensors"), model, with_residuals);
    EXPECT_EQ(allocations_of_later_frames(file("statistics.safetensors")), 0U)
        << (with_residuals ? "with statistics of residuals too" : "with statistics");
  }
}

}  // namespace
}  // namespace uniad
