// SPDX-License-Identifier: Apache-2.0
#include "training/train/features.h"

#include <map>

#include "model/preprocess/preprocess.h"
#include "tests/training/data/temporary_folder.h"

namespace uniad {
namespace {

ModelConfig wide() {
  ModelConfig config;
  config.backbone = {"efficientnet-lite0", {1, 2, 3}, PaddingRule::StaticSame, 1e-3};
  config.input.height = 64;
  config.input.width = 96;
  config.reconstruction.reset();
  config.statistics.emplace();
  return config;
}

class VisitFeatures : public test::TemporaryFolder {
 protected:
  VisitFeatures() : network_(wide()) { network_.eval(); }

  // Writes a noise picture whose size depends on its number.
  Item write_noise(int number) {
    cv::Mat noise(50 + 10 * number, 70 + number, CV_8UC3);
    cv::theRNG().state = static_cast<std::uint64_t>(number) + 1;
    cv::randu(noise, 0, 255);
    return {write_picture(std::to_string(number) + ".png", noise), {}, {}, {}, {}};
  }

  // By the definition of the network: the whole picture passes through Preprocessor::run and LibTorch.
  torch::Tensor expected(const Item &item) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor image = torch::empty({1, 3, 64, 96});
    visit_items({&item, 1}, [&](std::size_t, const FrameView &frame) {
      Preprocessor(wide().input).run(frame, {image.data_ptr<float>(), 3 * 64 * 96});
    });
    return network_.features(image)[0];
  }

  Network network_;
  Progress progress_;
};

TEST_F(VisitFeatures, AreThoseOfTheNetworkInTheOrderOfTheItems) {
  std::vector<Item> items;
  for (int i = 0; i < 7; ++i) items.push_back(write_noise(i));
  items[4].path = write("4.png", "no picture");
  network_.feature_mean = torch::full({network_.channels()}, 0.5);
  network_.feature_std = torch::full({network_.channels()}, 2.0);
  FeatureExtractor extractor(network_, wide());
  std::map<std::size_t, torch::Tensor> seen;
  std::vector<std::size_t> batches;
  const auto unread = visit_features(
      extractor, items, 4, "test",
      [&](std::span<const std::size_t> indices, const torch::Tensor &features) {
        batches.push_back(indices.size());
        for (std::size_t i = 0; i < indices.size(); ++i)
          seen[indices[i]] = features[static_cast<std::int64_t>(i)].clone();
      },
      progress_);
  EXPECT_EQ(batches, (std::vector<std::size_t>{4, 2}));
  ASSERT_EQ(unread.size(), 1U);
  EXPECT_EQ(unread[0].index, 4U);
  for (const std::size_t index : {0U, 1U, 2U, 3U, 5U, 6U}) {
    const torch::Tensor wanted = expected(items[index]);
    const double error = (seen.at(index) - wanted).abs().max().item<double>();
    EXPECT_LT(error, 1e-4 * wanted.abs().max().item<double>()) << index;
  }
}

TEST_F(VisitFeatures, WhatTheVisitorThrowsEndsIt) {
  std::vector<Item> items;
  for (int i = 0; i < 6; ++i) items.push_back(write_noise(i));
  FeatureExtractor extractor(network_, wide());
  EXPECT_THROW(
      visit_features(
          extractor, items, 2, "test",
          [](std::span<const std::size_t>, const torch::Tensor &) { throw std::runtime_error("enough"); },
          progress_),
      std::runtime_error);
}

TEST_F(VisitFeatures, AChangeOfThePictureIsSeenByTheNetwork) {
  const std::vector<Item> items{write_noise(0), write_noise(1), write_noise(2)};
  FeatureExtractor extractor(network_, wide());
  const Features plain = extract_features(extractor, items, 2, "test", progress_);
  const Item black{write_picture("black.png", cv::Mat(8, 8, CV_8UC3, cv::Scalar(0, 0, 0))), {}, {}, {}, {}};
  const auto unread = visit_features(
      extractor, items, 2,
      [&](std::span<const std::size_t> indices, const torch::Tensor &features) {
        for (std::size_t i = 0; i < indices.size(); ++i) {
          const torch::Tensor wanted =
              indices[i] == 1 ? expected(black) : plain.values[static_cast<std::int64_t>(indices[i])];
          EXPECT_TRUE(torch::allclose(features[static_cast<std::int64_t>(i)].to(torch::kFloat32),
                                      wanted.to(torch::kFloat32), 1e-2, 1e-2))
              << indices[i];
        }
      },
      [](std::size_t index, std::span<std::uint8_t> rgb) {
        EXPECT_EQ(rgb.size(), 3U * 64 * 96);
        if (index == 1) std::fill(rgb.begin(), rgb.end(), std::uint8_t{0});
      });
  EXPECT_TRUE(unread.empty());
}

TEST_F(VisitFeatures, OfNothingAreOfTheRightShape) {
  FeatureExtractor extractor(network_, wide());
  const Features none = extract_features(extractor, {}, 4, "test", progress_);
  EXPECT_EQ(none.values.sizes(), (std::vector<std::int64_t>{0, network_.channels(), 4, 6}));
}

}  // namespace
}  // namespace uniad
