// SPDX-License-Identifier: Apache-2.0
// Compares with the outputs of the authors' modules in fp32, for real weights, a real picture and a trained
// network.
#include <gtest/gtest.h>

#include <array>
#include <opencv2/imgcodecs.hpp>

#include "model/engine/detector.h"
#include "model/file/import.h"
#include "model/file/safetensors.h"
#include "model/file/weights.h"
#include "model/network.h"
#include "model/preprocess/preprocess.h"
#include "tests/support/real_backbone.h"
#include "tests/support/shared.h"

namespace uniad {
namespace {

constexpr const char *picture = "data/products/bottle/test/broken_large/000.jpg";

// Relative error of an array: max |a - b| / max |b|.
double relative_error(const torch::Tensor &actual, const StoredTensor &expected) {
  const torch::Tensor golden = to_torch(expected).flatten();
  return ((actual.flatten() - golden).abs().max() / golden.abs().max()).item<double>();
}

torch::Tensor every_7th(const torch::Tensor &map) {
  return map.flatten().slice(0, 0, std::nullopt, 7);
}

torch::Tensor normalized(const cv::Mat &bgr, const BackboneWeights &weights) {
  FrameView frame;
  frame.layout = PixelLayout::BGR;
  frame.width = bgr.cols;
  frame.height = bgr.rows;
  frame.planes[0] = {bgr.data, static_cast<std::ptrdiff_t>(bgr.step)};
  InputConfig input;
  input.mean = weights.mean;
  input.std = weights.std;
  torch::Tensor image = torch::empty({1, 3, input.height, input.width});
  Preprocessor(input).run(frame, {image.data_ptr<float>(), static_cast<std::size_t>(image.numel())});
  return image;
}

struct Tapped {
  std::vector<torch::Tensor> taps;
  torch::Tensor features;
};

Tapped run_backbone(const std::filesystem::path &weight_file, const cv::Mat &bgr, std::vector<int> stages) {
  const torch::NoGradGuard no_grad;
  const BackboneWeights weights = read_backbone_weights(weight_file);
  const auto backbone = test::real_backbone(weights, weight_file, std::move(stages));
  Tapped tapped;
  tapped.taps = backbone->forward(normalized(bgr, weights));
  tapped.features = neck(tapped.taps, 14, 14);
  return tapped;
}

TEST(NetworkGolden, EfficientNetB4AndATrainedUniAD) {
  UNIAD_NEED_SHARED(golden_file, "reference/golden_uniad_b4.safetensors");
  UNIAD_NEED_SHARED(weight_file, "weights/efficientnet_b4_stages1-4.safetensors");
  UNIAD_NEED_SHARED(checkpoint, "reference/uniad-dev-300steps.pth.tar");
  UNIAD_NEED_SHARED(picture_file, picture);
  const torch::NoGradGuard no_grad;
  const TensorFile golden = read_safetensors(golden_file);
  const cv::Mat bgr = cv::imread(picture_file.string(), cv::IMREAD_COLOR);
  const Tapped tapped = run_backbone(weight_file, bgr, {1, 2, 3, 4});
  const std::array<const char *, 4> strides{"2", "4", "8", "16"};
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::string name = std::string("tap_stride") + strides[i] + "_every_7th";
    EXPECT_LT(relative_error(every_7th(tapped.taps[i]), golden.tensors.at(name)), 1e-4) << name;
  }
  EXPECT_LT(relative_error(tapped.features, golden.tensors.at("neck")), 1e-4);

  const Model model = import_checkpoint(std::array{checkpoint, weight_file});
  const auto network = make_network(model, checkpoint.string());
  const torch::Tensor features = to_torch(golden.tensors.at("neck"));
  const torch::Tensor reconstruction = network->reconstruction(features);
  EXPECT_LT(relative_error(reconstruction, golden.tensors.at("reconstruction")), 1e-4);
  EXPECT_LT(
      relative_error(anomaly_grid(FeatureLoss::Mse, features, reconstruction), golden.tensors.at("grid")),
      1e-4);
}

// From the picture's file to the score, through the interface that pipelines use.
TEST(NetworkGolden, DetectorGivesTheAuthorsGridAndScores) {
  UNIAD_NEED_SHARED(golden_file, "reference/golden_uniad_b4.safetensors");
  UNIAD_NEED_SHARED(weight_file, "weights/efficientnet_b4_stages1-4.safetensors");
  UNIAD_NEED_SHARED(checkpoint, "reference/uniad-dev-300steps.pth.tar");
  UNIAD_NEED_SHARED(picture_file, picture);
  const TensorFile golden = read_safetensors(golden_file);
  const cv::Mat bgr = cv::imread(picture_file.string(), cv::IMREAD_COLOR);
  FrameView frame;
  frame.layout = PixelLayout::BGR;
  frame.width = bgr.cols;
  frame.height = bgr.rows;
  frame.planes[0] = {bgr.data, static_cast<std::ptrdiff_t>(bgr.step)};
  const auto model_file = std::filesystem::path(testing::TempDir()) / "network_golden.safetensors";
  write_model(import_checkpoint(std::array{checkpoint, weight_file}), model_file);
  const auto detector = Detector::open(model_file, {"cpu", "fp32"});
  const std::array frames{frame, frame};
  const auto detections = detector->detect(frames);
  std::filesystem::remove(model_file);
  ASSERT_EQ(detections.size(), 2U);
  for (const Detection &detection : detections) {
    const torch::Tensor grid = torch::tensor(detection.grid.values);
    EXPECT_LT(relative_error(grid, golden.tensors.at("grid")), 1e-4);
    Grid where_the_paper_draws_it = detection.grid;
    where_the_paper_draws_it.left = where_the_paper_draws_it.top = 0;
    const Grid map = upsample(where_the_paper_draws_it, 224, 224);
    EXPECT_LT(relative_error(torch::tensor(map.values), golden.tensors.at("map")), 1e-4);
    const auto score = [&](const char *name) { return to_torch(golden.tensors.at(name)).item<float>(); };
    EXPECT_NEAR(detection.score / score("score_max"), 1, 1e-4);
    EXPECT_NEAR(image_score(detection.grid, ScoreKind::Mean) / score("score_mean"), 1, 1e-4);
    EXPECT_NEAR(image_score(detection.grid, ScoreKind::Std) / score("score_std"), 1, 1e-4);
  }
}

TEST(NetworkGolden, ResNet18) {
  UNIAD_NEED_SHARED(golden_file, "reference/golden_resnet18.safetensors");
  UNIAD_NEED_SHARED(weight_file, "weights/resnet18_layers1-3.safetensors");
  UNIAD_NEED_SHARED(picture_file, picture);
  const TensorFile golden = read_safetensors(golden_file);
  const Tapped tapped =
      run_backbone(weight_file, cv::imread(picture_file.string(), cv::IMREAD_COLOR), {1, 2, 3});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = "tap_layer" + std::to_string(i + 1) + "_every_7th";
    EXPECT_LT(relative_error(every_7th(tapped.taps[i]), golden.tensors.at(name)), 1e-4) << name;
  }
  EXPECT_LT(relative_error(tapped.features, golden.tensors.at("neck")), 1e-4);
}

TEST(NetworkGolden, EfficientNetLite2) {
  UNIAD_NEED_SHARED(golden_file, "reference/golden_lite2.safetensors");
  UNIAD_NEED_SHARED(picture_file, picture);
  const auto weight_file = find_weight_file("efficientnet-lite2");
  if (!weight_file) GTEST_SKIP() << "needs the Lite2 weights that subprojects/setup.sh fetches";
  const TensorFile golden = read_safetensors(golden_file);
  const Tapped tapped =
      run_backbone(*weight_file, cv::imread(picture_file.string(), cv::IMREAD_COLOR), {1, 2, 3, 4});
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string name = "tap_" + std::to_string(i) + "_every_7th";
    EXPECT_LT(relative_error(every_7th(tapped.taps[i]), golden.tensors.at(name)), 1e-4) << name;
  }
  EXPECT_LT(relative_error(tapped.features, golden.tensors.at("neck")), 1e-4);
}

}  // namespace
}  // namespace uniad
