// SPDX-License-Identifier: Apache-2.0
#include "training/train/workers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "tests/support/child_process.h"
#include "tests/support/free_port.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/training/train/small_uniad.h"
#include "training/train/learn.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;

Network small_network() {
  torch::manual_seed(2);
  ModelConfig config = test::small_uniad();
  config.reconstruction->dropout = 0;  // random numbers differ from worker to worker
  config.reconstruction->jitter_scale = 0;
  return Network(config);
}

struct Trained {
  std::vector<torch::Tensor> weights;
  std::vector<torch::Tensor> first_gradients;  // of the first step, after clipping
};

// Trains on nine pictures for five steps; every third batch has one picture. crash_after: the step after
// which the process is killed.
Trained train(std::int64_t batch, Workers workers, std::int64_t crash_after = -1) {
  Network network = small_network();
  torch::manual_seed(3);
  const std::vector<SourceFeatures> sources{
      {"one", in_memory(torch::randn({9, 40, 10, 10}).to(torch::kFloat16)), {}}};
  LearningRule rule;
  rule.schedule.steps = 5;
  rule.schedule.steps_per_epoch = 3;
  rule.schedule.learning_rate = 1e-2;
  rule.schedule.clip = 1;
  rule.batch = static_cast<int>(batch);
  LearningState state = begin_learning(network, rule);
  Trained trained;
  learn(
      network, reader_of(network, sources), Batches({9}, batch, false, 7, workers.rank()), rule, state,
      workers, [] { return false; },
      [&](std::int64_t step, const StepResult &, double) {
        if (step == 1)
          for (const torch::Tensor &gradient : state.optimizer.gradients())
            trained.first_gradients.push_back(gradient.clone());
        if (step == crash_after) _exit(9);
      });
  trained.weights = network.reconstruction->parameters();
  return trained;
}

// Runs in its own process, which is started below with one of the ranks.
TEST(WorkerProcess, DISABLED_Trains) {
  const int rank = std::atoi(std::getenv("RANK"));
  const bool crashes = std::getenv("CRASH") != nullptr && rank == 1;
  const std::string lost = refusal([&] {
    const Trained trained = train(2, Workers::join(60), crashes ? 2 : -1);
    const std::filesystem::path folder = std::getenv("FOLDER");
    if (rank == 0) torch::save(trained.weights, folder / "weights.pt");
    if (rank == 0) torch::save(trained.first_gradients, folder / "gradients.pt");
  });
  if (!lost.empty()) std::cerr << lost << std::endl;
  EXPECT_TRUE(lost.empty());
}

class WorkersTest : public test::ScratchFolder {
 protected:
  test::ChildProcess start(int rank, std::map<std::string, std::string> more) const {
    more.insert({{"RANK", std::to_string(rank)},
                 {"LOCAL_RANK", std::to_string(rank)},
                 {"WORLD_SIZE", "2"},
                 {"MASTER_ADDR", "127.0.0.1"},
                 {"GTEST_OUTPUT", ""},  // its results belong to this test
                 {"FOLDER", folder_.string()}});
    return test::ChildProcess({std::filesystem::canonical("/proc/self/exe").string(),
                               "--gtest_filter=WorkerProcess.*", "--gtest_also_run_disabled_tests"},
                              more);
  }
};

TEST_F(WorkersTest, TwoTakeTheStepsOfOneWithTwiceTheBatch) {
  const std::string port = test::free_port();
  auto first = start(0, {{"MASTER_PORT", port}});
  auto second = start(1, {{"MASTER_PORT", port}});
  const auto ended = first.wait();
  ASSERT_EQ(ended.status, 0) << ended.out << ended.err;
  EXPECT_EQ(second.wait().status, 0);
  const Trained expected = train(4, Workers());
  Trained found;
  torch::load(found.first_gradients, (folder_ / "gradients.pt").string());
  torch::load(found.weights, (folder_ / "weights.pt").string());
  ASSERT_EQ(found.weights.size(), expected.weights.size());
  for (std::size_t i = 0; i < expected.weights.size(); ++i) {
    const torch::Tensor gradient = expected.first_gradients[i];
    EXPECT_LE((found.first_gradients[i] - gradient).abs().max().item<double>(),
              1e-5 * gradient.abs().max().item<double>() + 1e-9);
    // Five steps of at most 0.01 each. AdamW amplifies the last digits of small gradients.
    EXPECT_LE((found.weights[i] - expected.weights[i]).abs().max().item<double>(), 0.02 * 0.05);
  }
}

TEST_F(WorkersTest, OneThatIsLeftAloneStopsAndSaysWhy) {
  const std::string port = test::free_port();
  auto survivor = start(0, {{"MASTER_PORT", port}, {"CRASH", "1"}});
  auto victim = start(1, {{"MASTER_PORT", port}, {"CRASH", "1"}});
  EXPECT_EQ(victim.wait().status, 9);
  const auto ended = survivor.wait();
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(holds(ended.err, "worker 0 of 2: lost another worker")) << ended.err;
}

class Environment : public ::testing::Test {
 protected:
  ~Environment() override {
    for (const char *name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) unsetenv(name);
  }
  static std::string join(const std::map<std::string, std::string> &variables) {
    for (const auto &[name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    return refusal([] { Workers::join(1); });
  }
};

TEST_F(Environment, WithoutAWorldTheWorkerIsAlone) {
  const Workers workers = Workers::join(1);
  EXPECT_TRUE(workers.first());
  EXPECT_EQ(workers.rank().size, 1);
}

TEST_F(Environment, WhatIsMissingOrWrongIsNamed) {
  EXPECT_TRUE(holds(join({{"WORLD_SIZE", "2"}}), "RANK: is not set"));
  EXPECT_TRUE(holds(join({{"RANK", "2"}}), "RANK: is \"2\", not a number from 0 to 1"));
  EXPECT_TRUE(holds(join({{"RANK", "0"}}), "MASTER_ADDR: is not set"));
  EXPECT_TRUE(holds(join({{"MASTER_ADDR", "127.0.0.1"}}), "MASTER_PORT: is not set"));
  EXPECT_TRUE(holds(join({{"WORLD_SIZE", "many"}}), "WORLD_SIZE: is \"many\""));
}

}  // namespace
}  // namespace uniad
