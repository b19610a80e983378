// SPDX-License-Identifier: Apache-2.0
// Compares exported models in other engines with the network's definition (model/network.h), using random
// weights.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <string>
#include <vector>

#include "model/file/model_statistics.h"
#include "model/statistics/one_torch_thread.h"
#include "tests/model/statistics/reference.h"
#include "tests/support/child_process.h"
#include "tests/support/random_network.h"
#include "tests/support/scratch_folder.h"
#include "training/export/export.h"

namespace uniad {
namespace {

using test::Features;
using test::RandomPicture;

// Relative to the largest number.
constexpr double tolerance = 1e-4;

struct Case {
  std::string name;
  ModelConfig config;
  Features features = Features::Raw;
  std::size_t clusters = 0;  // of the statistics; 0: no statistics
  bool whole = false;        // pictures as a whole are a part of scores
};

constexpr ImageTerm term{0.8, 0.1, 0.2, 0.5};

ModelConfig on(const std::string &backbone, std::vector<int> stages, PaddingRule padding, int height,
               int width) {
  ModelConfig config;
  config.input.height = height;
  config.input.width = width;
  config.backbone = {backbone, std::move(stages), padding, 1e-3};
  config.reconstruction->dim = 24;
  config.reconstruction->heads = 3;
  config.reconstruction->feedforward = 40;
  config.reconstruction->mask_height = config.reconstruction->mask_width = 3;
  return config;
}

// Every kind of block, map, layer, statistics and score.
std::vector<Case> cases() {
  constexpr auto native = PaddingRule::StaticSame;
  std::vector<Case> all;
  all.push_back({"b0", on("efficientnet-b0", {1, 2, 3, 4, 5}, native, 240, 176), Features::Standardized});
  all.push_back({"b4_symmetric", on("efficientnet-b4", {2, 3}, PaddingRule::Symmetric, 64, 96)});
  all.back().config.score = ScoreKind::Mean;
  all.push_back({"lite0_pre_norm", on("efficientnet-lite0", {1, 3}, PaddingRule::DynamicSame, 80, 112),
                 Features::Whitened});
  all.back().config.reconstruction->pre_norm = true;
  all.back().config.reconstruction->position = PositionEmbedding::Sine;
  all.back().config.reconstruction->mask_height = 2;
  all.back().config.reconstruction->mask_width = 100;
  all.back().config.score = ScoreKind::Std;
  all.push_back({"resnet50_first_mask", on("resnet50", {1, 2}, PaddingRule::Symmetric, 48, 64)});
  all.back().config.reconstruction->mask_encoder = false;
  all.back().config.reconstruction->mask_decoder_second = false;
  all.push_back({"one_scene", on("resnet18", {1, 2}, PaddingRule::Symmetric, 64, 96), Features::Raw, 1});
  all.back().config.reconstruction.reset();
  all.push_back({"three_scenes_and_residuals", on("efficientnet-lite0", {1, 2, 3}, native, 64, 64),
                 Features::Standardized, 3});
  all.back().config.statistics.emplace().residuals = true;
  all.back().whole = true;
  all.push_back({"scenes_beside_a_network", on("efficientnet-lite0", {2}, native, 96, 64), Features::Raw, 2});
  all.back().config.statistics.emplace();
  for (Case &which : all)
    if (which.clusters > 0 && !which.config.statistics) which.config.statistics.emplace();
  return all;
}

// Scenes differ in brightness.
torch::Tensor images_of(const InputConfig &input, std::size_t scene, unsigned seed, unsigned count) {
  std::vector<RandomPicture> pictures;
  for (unsigned i = 0; i < count; ++i) pictures.emplace_back(input.width + 17, input.height, seed + i);
  return test::images_of(pictures, input) * (1 - 0.3 * static_cast<double>(scene));
}

Model model_of(const Case &which) {
  torch::manual_seed(7);
  Network network(which.config);
  test::randomize(network);
  test::standardize(network, images_of(which.config.input, 0, 1, 5), which.features);
  Model model = test::model_of(network, which.config);
  Statistics statistics;
  for (std::size_t scene = 0; scene < which.clusters; ++scene) {
    const torch::Tensor features = network.features(images_of(which.config.input, scene, 100, 12));
    const bool residuals = which.config.statistics->residuals;
    statistics.push_back(test::sum_up(features, residuals ? network.residuals(features) : torch::Tensor()));
    if (!which.whole) continue;
    const torch::Tensor descriptors = features.flatten(2).mean(2).to(torch::kFloat64);
    add_descriptor_products(statistics, descriptors.t().mm(descriptors));
  }
  if (!statistics.empty()) set_statistics(model, statistics);
  if (which.whole) {
    model.calibration.pooled.emplace();
    model.calibration.pooled->image = term;
  }
  return model;
}

double relative_error(const torch::Tensor &actual, const torch::Tensor &expected) {
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

class Exported : public test::ScratchFolder {
 protected:
  void write_floats(const std::string &name, const torch::Tensor &values) const {
    const torch::Tensor plain = values.contiguous();
    std::ofstream(file(name), std::ios::binary)
        .write(static_cast<const char *>(plain.data_ptr()), static_cast<std::streamsize>(plain.nbytes()));
  }

  torch::Tensor read_floats(const std::string &name, at::IntArrayRef shape) const {
    std::string bytes = content(file(name));
    const torch::Tensor values = torch::empty(shape);
    EXPECT_EQ(bytes.size(), values.nbytes()) << name;
    if (bytes.size() == values.nbytes())
      std::copy(bytes.begin(), bytes.end(), static_cast<char *>(values.data_ptr()));
    return values;
  }
};

TEST_F(Exported, GivesTheNetworksNumbersInOtherEngines) {
  const torch::NoGradGuard no_grad;
  const OneTorchThread one_thread;
  std::vector<std::string> command{"/usr/bin/python3",
                                   UNIAD_SOURCE_ROOT "/tests/training/export/runtimes.py"};
  Progress progress;
  const std::vector<Case> all = cases();
  std::vector<NetworkOutput> expected;
  for (const Case &which : all) {
    const Model model = model_of(which);
    const std::string path = file(which.name + "/model.safetensors");
    write_model(model, path);
    export_model({path, folder_ / which.name / "model.onnx"}, progress);
    // Two pictures of the first scene and one of the last; none of them was learned from.
    const torch::Tensor images =
        torch::cat({images_of(model.config.input, 0, 200, 2),
                    images_of(model.config.input, std::max<std::size_t>(which.clusters, 1) - 1, 300, 1)});
    write_floats(which.name + "/image.f32", images);
    expected.push_back(make_network(model, path)->judge(images));
    command.push_back(folder_ / which.name);
  }
  const test::Finished python = test::run(command, {{"PYTHONPATH", UNIAD_RUNTIMES}});
  if (python.status == 77) GTEST_SKIP() << python.out << "run subprojects/setup.sh";
  ASSERT_EQ(python.status, 0) << python.err;

  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Case &which = all[i];
    const auto &[features, grid, route] = expected[i];
    // Otherwise, the model would not have to select a cluster.
    if (which.clusters > 0) {
      EXPECT_EQ((route.cluster[0] != route.cluster[2]).item<bool>(), which.clusters > 1);
    }
    for (const std::string engine : {"/onnxruntime/", "/openvino/"}) {
      const std::string in = which.name + engine;
      SCOPED_TRACE(in);
      EXPECT_LT(relative_error(read_floats(in + "grid.f32", grid.sizes()), grid), tolerance);
      torch::Tensor scores = torch::tensor(scores_of(grid, which.config.score), torch::kFloat32);
      if (which.whole) scores += (route.image - term.usual) * term.slope();
      EXPECT_LT(relative_error(read_floats(in + "score.f32", {3}), scores), tolerance);
      EXPECT_EQ(std::filesystem::exists(folder_ / (in + "scene_distance.f32")), which.clusters > 0);
      EXPECT_EQ(std::filesystem::exists(folder_ / (in + "image_distance.f32")), which.whole);
      if (which.whole) {
        EXPECT_LT(relative_error(read_floats(in + "image_distance.f32", {3}), route.image), tolerance);
      }
      if (which.clusters == 0) continue;
      EXPECT_LT(relative_error(read_floats(in + "scene_distance.f32", {3}), route.distance), tolerance);
    }
  }
}

}  // namespace
}  // namespace uniad
