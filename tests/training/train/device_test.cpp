// SPDX-License-Identifier: Apache-2.0
// Trains a network on another device than its data, as on a GPU.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/other_device.h"
#include "tests/support/scratch_folder.h"
#include "tests/training/train/small_uniad.h"
#include "training/train/calibrate_trained.h"
#include "training/train/fit.h"

namespace uniad {
namespace {

using test::other_device;

class OnAnotherDevice : public test::ScratchFolder {
 protected:
  OnAnotherDevice() {
    torch::manual_seed(1);
    model_.config = test::small_uniad();
    model_.config.reconstruction->dropout = model_.config.reconstruction->jitter_scale = 0;
    model_.config.statistics.emplace().residuals = true;
    model_.provenance.recipe = "fast";
    for (const char *name : {"one", "two"})
      sources_.push_back({name, in_memory(torch::randn({9, 40, 10, 10}).to(torch::kFloat16)),
                          in_memory(torch::randn({3, 40, 10, 10}).to(torch::kFloat16))});
    rule_.schedule.steps = 6;
    rule_.schedule.steps_per_epoch = 3;
    rule_.schedule.learning_rate = 1e-3;
    rule_.schedule.clip = 1;
    rule_.batch = 4;
    rule_.average = 0.9;
    progress_.be_quiet();
  }

  Network make(torch::Device device) {
    torch::manual_seed(2);
    Network network(model_.config);
    network.eval();
    standardize(network, sources_, /*whiten=*/true);
    network.set_device(device);
    return network;
  }

  // Returns the losses of the steps as reported to the log.
  std::vector<double> train(Network &network, TrainOptions options = {}) {
    options.model = folder_ / "model.safetensors";
    options.log = folder_ / "steps.jsonl";
    options.checkpoint_every = 3;
    Workers alone;
    fit({network, sources_, reader_of(network, sources_), {}, rule_, model_, {}}, options, alone, progress_);
    std::vector<double> losses;
    std::ifstream log(options.log);
    for (std::string line; std::getline(log, line);)
      losses.push_back(nlohmann::json::parse(line).at("loss").get<double>());
    return losses;
  }

  std::vector<double> judge(Network &network) {
    StatisticsLearner learner({}, *model_.config.statistics, sources_.size());
    const std::vector<int> folds{0, 1, 2, 3, 4, 0, 1, 2, 3};
    for (const SourceFeatures &source : sources_)
      learn_from(learner, network, source.name, source.train, folds, rule_.batch, progress_);
    network.statistics.emplace(learner.finish().statistics, *model_.config.statistics);
    return judge_set(network, sources_.front().held_back, ScoreKind{}, rule_.batch).local;
  }

  Model model_;
  std::vector<SourceFeatures> sources_;
  LearningRule rule_;
  Progress progress_;
};

void expect_close(const std::vector<double> &ours, const std::vector<double> &expected) {
  ASSERT_EQ(ours.size(), expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], expected[i], 1e-4 * expected[i]) << i;
}

// Checks the stand-in: it refuses what a GPU refuses.
TEST_F(OnAnotherDevice, TensorsOfTheCpuAreRefused) {
  const torch::Tensor there = torch::ones({2, 3}).to(other_device);
  EXPECT_EQ((there + there).sum().item<float>(), 12);
  EXPECT_ANY_THROW(there + torch::ones({2, 3}));
}

TEST_F(OnAnotherDevice, LearnsAsOnTheCpu) {
  TrainOptions options;
  options.selection = Selection::HeldBack;
  options.validate_every = 2;
  Network here = make(torch::kCPU);
  Network there = make(other_device);
  const std::vector<double> expected = train(here, options);
  ASSERT_EQ(expected.size(), 6);
  expect_close(train(there, options), expected);
  EXPECT_EQ(there.reconstruction->parameters().front().device(), other_device);
}

TEST_F(OnAnotherDevice, FeaturesOfABackboneThatLearnsAreThoseOfTheCpu) {
  Network here = make(torch::kCPU);
  Network there = make(other_device);
  const torch::Tensor images = torch::randn({1, 3, 160, 160});
  const torch::Tensor expected = here.features(images);
  const torch::Tensor features = there.features(images);
  EXPECT_TRUE(torch::allclose(features.cpu(), expected, 1e-4, 1e-4));
  features.sum().backward();
  EXPECT_EQ(there.backbone->parameters().front().grad().device(), other_device);
}

TEST_F(OnAnotherDevice, JittersAndDropsOut) {
  Network plain = make(other_device);
  const std::vector<double> without = train(plain);
  model_.config.reconstruction->dropout = 0.5;
  model_.config.reconstruction->jitter_scale = 20;
  model_.config.reconstruction->jitter_per_token = true;
  Network network = make(other_device);
  const std::vector<double> with = train(network);
  ASSERT_EQ(with.size(), 6);
  EXPECT_TRUE(std::isfinite(with.back()));
  EXPECT_GT(std::abs(with.front() - without.front()), 1e-3);
}

TEST_F(OnAnotherDevice, JudgesAsOnTheCpu) {
  Network here = make(torch::kCPU);
  Network there = make(other_device);
  expect_close(judge(there), judge(here));
}

TEST_F(OnAnotherDevice, ACheckpointGoesOnOnTheCpu) {
  Network there = make(other_device);
  const std::vector<double> all = train(there);
  Network here = make(torch::kCPU);
  TrainOptions options;
  options.resume = checkpoint_of(folder_ / "model.safetensors");
  rule_.schedule.steps = 8;
  const std::vector<double> losses = train(here, options);
  ASSERT_EQ(losses.size(), 8);
  EXPECT_EQ(losses[5], all[5]);
  EXPECT_LT(losses[7], all[0]);
}

}  // namespace
}  // namespace uniad
