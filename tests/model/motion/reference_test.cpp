// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "model/base/error.h"
#include "model/file/motion_file.h"
#include "model/motion/motion_reference.h"
#include "tests/model/motion/scenes.h"

namespace uniad {
namespace {

using test::at_frame;

// Frames at 10 a second; most of each is still, and something moves with random speeds.
MotionReference learn(int frames, double still, MotionUse use = MotionUse::Auto, MotionReference known = {},
                      int height = 20) {
  std::mt19937 random(static_cast<unsigned>(frames));
  std::exponential_distribution<double> speed(2);
  MotionLearner learner(std::move(known));
  for (int i = 0; i < frames; ++i) {
    MotionMap map{40, height,
                  std::vector<float>(static_cast<std::size_t>(40 * height), static_cast<float>(still))};
    for (int cell = 0; cell < 30; ++cell)
      map.speeds[random() % map.speeds.size()] = static_cast<float>(speed(random));
    learner.add(map, std::chrono::milliseconds(100), at_frame(i, 10), i / 80 % MotionLearner::folds);
  }
  return learner.finish({}, use);
}

TEST(MotionReference, IsJudgedAfterAMinute) {
  const MotionReference learned = learn(900, 0.03);
  EXPECT_EQ(learned.frames, 900);
  EXPECT_NEAR(learned.seconds, 90, 0.01);
  EXPECT_NEAR(learned.step, 0.1, 1e-6);
  ASSERT_TRUE(learned.normal);
  EXPECT_EQ(learned.normal->count, 900);
  EXPECT_EQ(learned.rule, "6 false alarms an hour");
  EXPECT_EQ(reason_not_judged(learned), "");
}

TEST(MotionReference, SaysWhyItIsNotJudged) {
  const auto reason = [](const MotionReference &reference) { return reason_not_judged(reference); };
  EXPECT_EQ(reason({}), "no motion was learned");
  EXPECT_NE(reason(learn(300, 0.03)).find("only 30.0 s"), std::string::npos);
  EXPECT_NE(reason(learn(900, 0.5)).find("half of the scene"), std::string::npos);
  EXPECT_NE(reason(learn(900, 0.03, MotionUse::Off)).find("switched off"), std::string::npos);
  EXPECT_NE(reason(learn(10, 0.03, MotionUse::On)).find("too few frames"), std::string::npos);
  EXPECT_EQ(reason(learn(300, 0.5, MotionUse::On)), "");
}

TEST(MotionReference, ThePartsTogetherAreTheWhole) {
  const MotionReference first = learn(400, 0.03);
  const MotionReference second = learn(500, 0.03, MotionUse::Auto, first);
  const MotionReference both = merge(first, second);
  EXPECT_EQ(both.frames, 900);
  EXPECT_NEAR(both.seconds, 90, 0.01);
  EXPECT_EQ(both.normal->count, 900);
  EXPECT_EQ(reason_not_judged(both), "");
  EXPECT_TRUE(std::ranges::equal(both.speeds.without(second.speeds).rows(), first.speeds.rows()));
  EXPECT_EQ(merge(first, learn(500, 0.03, MotionUse::Auto, {}, 30)).frames, 500) << "of another shape";
  EXPECT_EQ(merge(first, {}).frames, 400);
}

TEST(MotionReference, TheRuleCountsFalseAlarms) {
  ThresholdRule rule;
  EXPECT_EQ(motion_rule(rule).false_alarms_per_hour, 6);
  rule.quantile = 0.99;
  EXPECT_FALSE(motion_rule(rule).quantile);
  rule.false_alarms_per_hour = 60;
  EXPECT_EQ(motion_rule(rule).false_alarms_per_hour, 60);
}

TensorFile stored() {
  TensorFile content;
  content.tensors["backbone.weight"] = {DType::F32, {1}, std::vector<std::byte>(4)};
  store_motion({{"gate", learn(900, 0.03)}, {"nothing", {}}, {"yard", learn(10, 0.5, MotionUse::On)}},
               content);
  return content;
}

TEST(MotionFile, GivesBackWhatWasStored) {
  TensorFile content = stored();
  const MotionReferences read = take_motion(content, "model");
  EXPECT_EQ(content.tensors.size(), 1);
  ASSERT_EQ(read.size(), 2);
  const MotionReference learned = learn(900, 0.03);
  const MotionReference &gate = read.at("gate");
  EXPECT_TRUE(std::ranges::equal(gate.speeds.rows(), learned.speeds.rows()));
  EXPECT_EQ(gate.frames, 900);
  EXPECT_DOUBLE_EQ(gate.normal->threshold, learned.normal->threshold);
  EXPECT_EQ(gate.rule, learned.rule);
  EXPECT_EQ(read.at("yard").use, MotionUse::On);
  EXPECT_FALSE(read.at("yard").normal);
  TensorFile none;
  EXPECT_TRUE(take_motion(none, "model").empty());
}

TEST(MotionFile, WhatIsWrongIsNamed) {
  using Damage = std::function<void(TensorFile &)>;
  const std::vector<std::pair<std::string, Damage>> damages{
      {"motion.0.speeds", [](TensorFile &content) { content.tensors.erase("motion.0.speeds"); }},
      {"not a histogram",
       [](TensorFile &content) {
         content.tensors["motion.1.speeds"].shape = {2, 95};
       }},
      {"outside their range",
       [](TensorFile &content) { content.tensors["motion.0.speeds"].bytes[7] = std::byte{0xff}; }},
      {"not JSON", [](TensorFile &content) { content.metadata["uniad.motion"] = "{"; }},
      {"use", [](TensorFile &content) {
         std::string &text = content.metadata["uniad.motion"];
         text.replace(text.find("\"auto\""), 6, "\"some\"");
       }}};
  for (const auto &[named, damage] : damages) {
    TensorFile content = stored();
    damage(content);
    try {
      take_motion(content, "model.safetensors");
      ADD_FAILURE() << named;
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace uniad
