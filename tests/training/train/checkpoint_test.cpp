// SPDX-License-Identifier: Apache-2.0
#include "training/train/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/training/train/small_uniad.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;

// A small network with jitter and dropout, and a training of twelve steps with averaged weights.
class Checkpoint : public test::ScratchFolder {
 protected:
  Checkpoint() {
    torch::manual_seed(1);
    model_.config = test::small_uniad();
    model_.provenance.recipe = "paper";
    sources_.push_back({"one", in_memory(torch::randn({9, 40, 10, 10}).to(torch::kFloat16)), {}});
    rule_.schedule.steps = 12;
    rule_.schedule.steps_per_epoch = 3;
    rule_.schedule.learning_rate = 1e-2;
    rule_.schedule.clip = 1;
    rule_.schedule.rate = RateSchedule::Cosine;
    rule_.batch = 4;
    rule_.average = 0.9;
    rule_.seed = 4;
  }

  // Creates the same network each time.
  Network make() const {
    torch::manual_seed(2);
    return Network(model_.config);
  }

  void learn_until(Network &network, LearningState &state, std::int64_t last) const {
    Workers alone;
    std::int64_t step = state.step;
    learn(
        network, reader_of(network, sources_), Batches(counts_of(sources_), rule_.batch, false, rule_.seed),
        rule_, state, alone, [&] { return step + 1 >= last; },
        [&](std::int64_t done, const StepResult &, double) { step = done; });
  }

  static std::vector<std::string> names(const Network &network) {
    std::vector<std::string> all;
    for (const auto &item : network.reconstruction->named_parameters())
      all.push_back("reconstruction." + item.key());
    return all;
  }

  void write(const Network &network, const LearningState &state, const RunIdentity &identity) const {
    Model model = model_;
    store_network(network, model);
    write_checkpoint(std::move(model), names(network), state, {}, identity, path());
  }

  ResumedLearning resume(Network &network, const RunIdentity &identity) const {
    return read_checkpoint(path(), names(network), network.reconstruction->parameters(), rule_, identity);
  }

  std::filesystem::path path() const { return folder_ / "model.checkpoint.safetensors"; }

  Model model_;
  std::vector<SourceFeatures> sources_;
  LearningRule rule_;
};

// The promise to users: a training that is interrupted at any step and resumed gives the same result, bit by
// bit.
TEST_F(Checkpoint, AResumedTrainingEndsWithTheWeightsOfOneNeverStopped) {
  Network whole = make();
  LearningState undisturbed = begin_learning(whole, rule_);
  learn_until(whole, undisturbed, 12);
  for (std::int64_t stop : {1, 5, 11}) {
    {
      Network first = make();
      LearningState state = begin_learning(first, rule_);
      learn_until(first, state, stop);
      ASSERT_EQ(state.step, stop);
      write(first, state, {});
    }
    torch::manual_seed(99);
    Network second(model_.config);
    ResumedLearning resumed = resume(second, {});
    EXPECT_EQ(resumed.state.step, stop);
    learn_until(second, resumed.state, 12);
    const auto expected = whole.reconstruction->parameters();
    const auto found = second.reconstruction->parameters();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(torch::equal(found[i], expected[i])) << names(whole)[i] << ", stopped after step " << stop;
      EXPECT_TRUE(torch::equal(resumed.state.average[i], undisturbed.average[i])) << names(whole)[i];
    }
  }
}

TEST_F(Checkpoint, IsAModelFileThatCanBeEvaluated) {
  Network network = make();
  write(network, begin_learning(network, rule_), {});
  const auto read = make_network(read_model(path()), "checkpoint");
  EXPECT_TRUE(
      torch::equal(read->reconstruction->input_proj->weight, network.reconstruction->input_proj->weight));
}

TEST_F(Checkpoint, AnotherRunIsRefusedWithTheDifferences) {
  Network network = make();
  write(network, begin_learning(network, rule_),
        {{"--lr", "0.001"}, {"--batch", "8"}, {"source one", "9 pictures (ab)"}});
  const std::string text = refusal([&] {
    resume(network,
           {{"--lr", "0.002"}, {"--batch", "8"}, {"source one", "8 pictures (cd)"}, {"--ema", "0.9"}});
  });
  EXPECT_TRUE(holds(text, "--lr: 0.001 then, 0.002 now"));
  EXPECT_TRUE(holds(text, "source one: 9 pictures (ab) then, 8 pictures (cd) now"));
  EXPECT_TRUE(holds(text, "--ema: nothing then, 0.9 now"));
  EXPECT_FALSE(holds(text, "--batch"));
}

TEST_F(Checkpoint, AFinishedModelIsNone) {
  Network network = make();
  Model model = model_;
  store_network(network, model);
  write_model(model, path());
  EXPECT_TRUE(holds(refusal([&] { resume(network, {}); }), "is not a training checkpoint"));
}

TEST_F(Checkpoint, AStateThatMakesNoSenseIsRefused) {
  Network network = make();
  const auto falsify = [&](const std::string &text) {
    Model model = model_;
    store_network(network, model);
    const auto *bytes = reinterpret_cast<const std::byte *>(text.data());
    model.tensors["training.state"] = {DType::U8, {std::ssize(text)}, {bytes, bytes + text.size()}};
    write_model(model, path());
    return refusal([&] { resume(network, {}); });
  };
  EXPECT_TRUE(holds(falsify("{"), "cannot be read"));
  EXPECT_TRUE(holds(falsify(R"({"step":3})"), "cannot be read"));
  EXPECT_TRUE(holds(falsify(R"({"step":13,"run":{}})"), "13 steps are done"));
  EXPECT_TRUE(holds(falsify(R"({"step":3,"run":{}})"), "lacks the optimizer's moments"));
}

TEST_F(Checkpoint, TheAverageFollowsTheWeights) {
  Network network = make();
  LearningState state = begin_learning(network, rule_);
  std::vector<torch::Tensor> weights{network.reconstruction->output_proj->bias.detach().clone()};
  Workers alone;
  learn(
      network, reader_of(network, sources_), Batches(counts_of(sources_), rule_.batch, false, rule_.seed),
      rule_, state, alone, [] { return false; },
      [&](std::int64_t, const StepResult &, double) {
        weights.push_back(network.reconstruction->output_proj->bias.detach().clone());
      });
  torch::Tensor average = weights[0];
  for (std::size_t step = 0; step + 1 < weights.size(); ++step) {
    const double decay = std::min(0.9, (1.0 + double(step)) / (10.0 + double(step)));
    average = decay * average + (1 - decay) * weights[step + 1];
  }
  std::size_t at = 0;
  for (const auto &item : network.reconstruction->named_parameters()) {
    if (item.key() == "output_proj.bias") break;
    ++at;
  }
  EXPECT_TRUE(torch::allclose(state.average.at(at), average, 1e-5, 1e-7));
}

}  // namespace
}  // namespace uniad
